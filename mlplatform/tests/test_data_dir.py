import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from mlplatform import data_dir


def test_a_key_is_made_once_and_kept_for_its_owner_alone(tmp_path):
    first = data_dir.secret_key(tmp_path, may_generate=True)
    again = data_dir.secret_key(tmp_path, may_generate=False)

    assert first == again
    assert len(first) >= 50
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_without_one_and_without_permission_the_start_stops_with_one_line(tmp_path):
    with pytest.raises(SystemExit) as stop:
        data_dir.secret_key(tmp_path, may_generate=False)

    assert "\n" not in str(stop.value)
    assert "SECRET_KEY is missing" in str(stop.value)
    assert not list(tmp_path.iterdir())


def test_processes_that_start_at_once_agree_on_one_key(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: data_dir.secret_key(tmp_path, may_generate=True), range(64)))

    assert len(keys) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_two_installations_have_two_keys(tmp_path):
    keys = set()
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        keys.add(data_dir.secret_key(tmp_path / name, may_generate=True))

    assert len(keys) == 2
