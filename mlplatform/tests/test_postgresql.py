"""The server under the tests: where it is looked for, and what is said when there is none."""

import pytest

from mlplatform.tests import postgresql


@pytest.fixture
def nothing_installed(monkeypatch, tmp_path):
    monkeypatch.delenv("TEST_DATABASE_URL", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgresql, "INSTALLED", ())
    monkeypatch.setattr(postgresql.importlib.util, "find_spec", lambda name: None)


def test_a_given_server_is_used_as_it_is(monkeypatch):
    monkeypatch.setenv("TEST_DATABASE_URL", "postgres://somebody@somewhere/something")

    with postgresql.server() as url:
        assert url == "postgres://somebody@somewhere/something"


def test_without_any_server_it_is_said_what_to_do(nothing_installed):
    with pytest.raises(postgresql.NoServer, match="TEST_DATABASE_URL.*apt-get install postgresql"):
        postgresql.find_programs()


def test_the_wheel_is_not_used_by_root_in_a_private_folder(nothing_installed, monkeypatch, tmp_path):
    class Wheel:
        origin = str(tmp_path / "private" / "__init__.py")

    programs = tmp_path / "private" / "pginstall" / "bin"
    programs.mkdir(parents=True)
    for name in ("initdb", "pg_ctl"):
        (programs / name).touch()
    monkeypatch.setattr(postgresql.importlib.util, "find_spec", lambda name: Wheel)
    monkeypatch.setattr(postgresql.os, "geteuid", lambda: 0)
    (tmp_path / "private").chmod(0o700)

    with pytest.raises(postgresql.NoServer):
        postgresql.find_programs()

    monkeypatch.setattr(postgresql.os, "geteuid", lambda: 1000)
    assert postgresql.find_programs() == programs
