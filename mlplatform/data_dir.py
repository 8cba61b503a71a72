"""DATA_DIR, readable for its owner alone: everything that is not code, and the generated secrets."""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

KEY_MISSING = (
    "SECRET_KEY is missing: set it in the environment to a long random text, "
    "or keep one in {path} (`make run` makes it)."
)
SQLITE_SUFFIXES = ("", "-wal", "-shm", "-journal", ".lock", ".lock.queue")


def prepare(path: Path):
    try:
        path.mkdir(parents=True, exist_ok=True)
        restrict(path, 0o700)
        (path / "static").mkdir(exist_ok=True)
        (path / "work").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise SystemExit(f"DATA_DIR cannot be used: {error.strerror}: {error.filename}") from error


def make_private(database: str):
    """Earlier versions left the files of a SQLite database readable for everyone."""
    for suffix in SQLITE_SUFFIXES:
        restrict(Path(f"{database}{suffix}"), 0o600)


def restrict(path: Path, mode: int):
    """Skips what is missing, and what another user owns, such as a mounted volume."""
    with contextlib.suppress(FileNotFoundError, PermissionError):
        path.chmod(mode)


def secret_key(folder: Path, *, may_generate: bool) -> str:
    """The stored key. Without one it is generated, or the program exits with a line that says what to do."""
    path = folder / "secret_key"
    try:
        if not path.exists() and not may_generate:
            raise SystemExit(KEY_MISSING.format(path=path))
        return stored_secret(path, bytes_of_entropy=50)
    except OSError as error:
        raise SystemExit(f"The secret key cannot be read: {error.strerror}: {error.filename}") from error


def stored_secret(path: Path, *, bytes_of_entropy: int) -> str:
    """The secret in a file, which is created if missing: whole, and readable for its owner alone.

    Two processes that do so at once get the same secret.
    """
    if not path.exists():
        descriptor, part = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")  # mode 0600
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(bytes_of_entropy))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(part, path)
        os.unlink(part)
    return path.read_text().strip()
