"""Back-ups: the database, then the files, then the secret key, in a folder of their own.

In this order every model in the copy has its file, unless it was deleted in between. Files never change under
their name, so what is already in the previous back-up is linked instead of copied: seven back-ups take little
more space than one.
"""

import contextlib
import os
import shutil
import sqlite3
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.backends.postgresql.client import DatabaseClient
from django.utils import timezone

NAME = "%Y-%m-%d_%H%M%S"  # sorts by time
PART = ".part"
ABANDONED_AFTER = timedelta(days=1)


class BackupFailed(Exception):
    """The message says what to do."""


def back_up_daily() -> str:
    """For housekeeping: a back-up, if BACKUP_DIR is set."""
    return f"{back_up(Path(settings.BACKUP_DIR))}" if settings.BACKUP_DIR else ""


def back_up(folder: Path) -> Path:
    """Makes a back-up below `folder`, removes all but the newest BACKUPS_KEPT, and returns its path."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    remove_abandoned(folder)
    earlier = complete(folder)
    target = folder / f"{timezone.now():{NAME}}"
    part = target.with_name(target.name + PART)
    part.mkdir(mode=0o700)
    try:
        copy_database(part)
        copy_files(part, earlier[-1] if earlier else None)
        copy_secret_key(part)
        part.rename(target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    for old in complete(folder)[: -settings.BACKUPS_KEPT]:
        shutil.rmtree(old)
    return target


def complete(folder: Path) -> list[Path]:
    """The back-ups in it, the oldest first; anything else in the folder is left alone."""
    found = []
    for path in sorted(folder.iterdir()):
        with contextlib.suppress(ValueError):
            datetime.strptime(path.name, NAME)
            found.append(path)
    return found


def remove_abandoned(folder: Path) -> None:
    """What killed back-ups have left: each can be as large as the installation."""
    for path in folder.glob(f"*{PART}"):
        with contextlib.suppress(ValueError):
            started = datetime.strptime(path.name, NAME + PART).replace(tzinfo=UTC)
            if timezone.now() - started > ABANDONED_AFTER:
                shutil.rmtree(path)


def copy_database(part: Path) -> None:
    if connection.vendor == "sqlite":
        return copy_sqlite(settings.DATABASES["default"]["NAME"], part / "db.sqlite3")
    return dump_postgresql(settings.DATABASES["default"], part / "database.dump")


def copy_sqlite(source: str, target: Path) -> None:
    """By SQLite itself while it is written to; a plain copy would miss the journal."""
    if not Path(source).exists():  # SQLite would make an empty one
        raise BackupFailed(
            f"There is no database at {source}: set DATA_DIR or DATABASE_URL as the server has it."
        )
    try:
        with (
            contextlib.closing(sqlite3.connect(source)) as live,
            contextlib.closing(sqlite3.connect(target)) as copy,
        ):
            live.backup(copy)
    except sqlite3.Error as error:
        raise BackupFailed(f"The database cannot be copied: {error}.") from error


def dump_postgresql(database: dict, target: Path) -> None:
    """With the connection that Django has, encryption and certificates included.

    The password is passed in the environment, which other users of the machine cannot read.
    """
    (_, *connection), given = DatabaseClient.settings_to_cmd_args_env(database, [])
    command = ["pg_dump", "--format=custom", f"--file={target}", *connection]
    try:
        subprocess.run(command, env=os.environ | (given or {}), check=True, capture_output=True, text=True)  # noqa: S603
    except FileNotFoundError:
        raise BackupFailed("pg_dump is missing: install PostgreSQL's client programs.") from None
    except subprocess.CalledProcessError as error:
        raise BackupFailed(f"pg_dump did not succeed: {error.stderr.strip()}") from error


def copy_files(part: Path, earlier: Path | None) -> None:
    """Files on object storage are not copied: it has versions and copies of its own."""
    source = Path(settings.MEDIA_ROOT)
    if settings.STORAGE_URL or not source.exists():
        return
    for path in source.rglob("*"):
        target = part / "files" / path.relative_to(source)
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
            link_or_copy(path, target, earlier and earlier / "files" / path.relative_to(source))


def link_or_copy(path: Path, target: Path, earlier: Path | None) -> None:
    with contextlib.suppress(OSError):  # some disks have no links, such as network disks
        if earlier and earlier.exists() and earlier.stat().st_size == path.stat().st_size:
            return os.link(earlier, target)
    shutil.copy2(path, target)


def copy_secret_key(part: Path) -> None:
    """A key that is set in the environment is not copied."""
    path = Path(settings.DATA_DIR) / "secret_key"
    if path.exists():
        shutil.copy2(path, part)
