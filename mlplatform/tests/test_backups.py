"""Back up and restore as docs/operations.md says, with its own commands."""

import contextlib
import errno
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from mlmodels.tests.factories import houses_csv, make_dataset
from mlplatform import backups
from mlplatform.settings import BASE_DIR
from mlplatform.tests import postgresql

ROW = '{"size": 100, "rooms": 2, "place": "city"}'
BEGIN = f"""
import django
django.setup()

from django.core.management import call_command
from accounts.operations.users import ensure_administrator
from mlmodels.tests.factories import make_model

call_command("migrate", verbosity=0)
alice = ensure_administrator(email="alice@example.com", password="correct horse battery")
make_model(alice, model_name="houses")
call_command("predict", "1_houses", "--row", '{ROW}')
"""  # in one process, since each imports the learning libraries
BLOCK = re.compile(r"^```sh\n# ([^\n]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(title):
    """The block of the document that begins with this comment."""
    blocks = dict(BLOCK.findall((BASE_DIR / "docs/operations.md").read_text()))
    return blocks[title]


def sh(script, environment):
    ended = subprocess.run(
        ["sh", "-e"],
        input=script,
        env=environment,
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture
def path(request):
    """Folders with our Python and, on PostgreSQL, with its programs: those of the tests' own server first.

    Without the programs nothing can be backed up, so the tests are skipped with a message; if CI is set, they
    fail.
    """
    is_postgresql, folders = request.config.getoption("engine") == "postgresql", [Path(sys.executable).parent]
    if is_postgresql:
        with contextlib.suppress(postgresql.NoServer):
            folders.append(postgresql.find_programs())
    path = os.pathsep.join([*map(str, folders), os.environ["PATH"]])
    if is_postgresql and not shutil.which("pg_restore", path=path):
        missing = "TEST_DATABASE_URL is a server elsewhere, and PostgreSQL's client programs are missing here"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    return path


@pytest.fixture
def installation(environment, tmp_path, path):
    """A data folder with a secret key and an empty database."""
    folder = tmp_path / "first"
    folder.mkdir()
    (folder / "secret_key").write_text("a key of our own " * 4)
    made = {**environment, "DATA_DIR": str(folder), "PATH": path}
    made.pop("SECRET_KEY")
    if made["DATABASE_URL"].startswith("sqlite"):
        made["DATABASE_URL"] = f"sqlite:///{folder}/db.sqlite3"
    return made


@pytest.fixture
def empty_installation(installation, tmp_path, request):
    folder = tmp_path / "second"
    folder.mkdir()
    if request.config.getoption("engine") == "sqlite":
        yield {**installation, "DATA_DIR": str(folder), "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3"}
        return
    with postgresql.empty_database(os.environ["DATABASE_URL"]) as url:
        yield {**installation, "DATA_DIR": str(folder), "DATABASE_URL": url}


def test_what_was_backed_up_is_restored_and_predicts(installation, empty_installation, tmp_path, request):
    engine = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[request.config.getoption("engine")]
    answer = sh(f"python - <<'END'{BEGIN}END\n", installation)

    backup = sh(
        commands("Back up, on SQLite and on PostgreSQL"), installation | {"BACKUP_DIR": f"{tmp_path}/backups"}
    ).strip()
    said = sh(commands(f"Restore on {engine}"), empty_installation | {"BACKUP": backup})

    assert "The ledger adds up." in said
    assert sh(f"python manage.py predict 1_houses --row '{ROW}'", empty_installation) == answer
    assert (Path(backup).stat().st_mode & 0o777, Path(backup).parent) == (0o700, tmp_path / "backups")


@pytest.fixture
def sqlite_only_copies(monkeypatch):
    """The database of the tests is copied, or dumped, in the test above."""
    monkeypatch.setattr(backups, "copy_database", lambda part: (part / "db.sqlite3").touch())


@pytest.mark.django_db
def test_a_file_of_the_back_up_before_takes_no_room_again(alice, sqlite_only_copies, tmp_path, time_machine):
    time_machine.move_to("2026-03-01T03:00:00Z", tick=False)
    dataset = make_dataset(alice)
    first = backups.back_up(tmp_path / "backups")
    time_machine.shift(86_400)
    make_dataset(alice)

    second = backups.back_up(tmp_path / "backups")

    copies = [folder / "files" / dataset.file.name for folder in (first, second)]
    assert copies[0].samefile(copies[1])
    assert copies[1].read_bytes() == houses_csv()
    assert len(list((second / "files" / "datasets").iterdir())) == 2


@pytest.mark.django_db
def test_the_newest_stay_and_what_is_none_is_left_alone(sqlite_only_copies, tmp_path, time_machine, settings):
    settings.BACKUPS_KEPT = 2
    (tmp_path / "notes").mkdir()
    made = []
    for day in (1, 2, 3):
        time_machine.move_to(f"2026-03-0{day}T03:00:00Z", tick=False)
        made.append(backups.back_up(tmp_path))

    assert sorted(tmp_path.iterdir()) == [*made[1:], tmp_path / "notes"]


@pytest.mark.django_db
def test_a_back_up_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def full(part):
        raise backups.BackupFailed("pg_dump did not succeed: the disk is full")

    monkeypatch.setattr(backups, "copy_database", full)

    with pytest.raises(CommandError, match="the disk is full") as failed:
        call_command("back_up", "--to", str(tmp_path))

    assert failed.value.returncode == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.django_db
def test_housekeeping_backs_up_where_a_setting_says_so(sqlite_only_copies, tmp_path, settings, capsys):
    with pytest.raises(CommandError, match="BACKUP_DIR"):
        call_command("back_up")
    assert backups.back_up_daily() == ""

    settings.BACKUP_DIR = str(tmp_path)
    call_command("housekeeping")

    assert re.search(rf"back-up +{tmp_path}/\d", capsys.readouterr().out)


@pytest.mark.django_db
def test_a_disk_without_links_gets_copies(alice, sqlite_only_copies, tmp_path, time_machine, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(backups.os, "link", refuse)
    time_machine.move_to("2026-03-01T03:00:00Z", tick=False)
    dataset = make_dataset(alice)
    backups.back_up(tmp_path / "backups")
    time_machine.shift(86_400)

    second = backups.back_up(tmp_path / "backups")

    assert (second / "files" / dataset.file.name).read_bytes() == houses_csv()


@pytest.mark.django_db
def test_what_a_killed_back_up_left_is_removed_after_a_day(sqlite_only_copies, tmp_path, time_machine):
    time_machine.move_to("2026-03-03T03:00:00Z", tick=False)
    for name in ("2026-03-01_030000.part", "2026-03-03_020000.part", "mine.part"):
        (tmp_path / name).mkdir()

    made = backups.back_up(tmp_path)

    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["2026-03-03_020000.part", made.name, "mine.part"]


def test_no_back_up_is_made_of_a_database_that_is_not_there(tmp_path):
    environment = {**os.environ, "DATA_DIR": str(tmp_path / "wrong")}
    environment.pop("DATABASE_URL", None)

    ended = subprocess.run(
        [sys.executable, "manage.py", "back_up", "--to", str(tmp_path / "backups")],
        env=environment,
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"CommandError: There is no database at {tmp_path}/wrong/db.sqlite3: ")
    assert list((tmp_path / "backups").iterdir()) == []


def test_postgresql_is_dumped_over_the_connection_that_the_settings_describe(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(backups.subprocess, "run", lambda command, env, **_: calls.append((command, env)))
    options = {"sslmode": "verify-full", "sslrootcert": "/etc/ca.pem", "options": "-c lock_timeout=20s"}
    server = {"HOST": "db", "PORT": 5433, "USER": "app", "PASSWORD": "secret", "NAME": "models"}

    backups.dump_postgresql({**server, "OPTIONS": options}, tmp_path / "database.dump")

    ((command, environment),) = calls
    assert command[0] == "pg_dump"
    assert command[-7:] == ["-U", "app", "-h", "db", "-p", "5433", "models"]
    assert "secret" not in command
    names = ("PGPASSWORD", "PGSSLMODE", "PGSSLROOTCERT")
    assert [environment[name] for name in names] == ["secret", "verify-full", "/etc/ca.pem"]
