"""The folder of everything that is not code: readable for its owner alone, with a secret key made once."""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

KEY_MISSING = (
    "SECRET_KEY is missing: set it in the environment to a long random text, "
    "or keep one in {path} (`make run` makes it)."
)
COMPANIONS = ("", "-wal", "-shm", "-journal", ".lock")


def prepare(path: Path):
    path.mkdir(parents=True, exist_ok=True)
    restrict(path, 0o700)
    (path / "static").mkdir(exist_ok=True)


def make_private(database: str):
    """Earlier versions left the files of a SQLite database readable for everybody."""
    for suffix in COMPANIONS:
        restrict(Path(f"{database}{suffix}"), 0o600)


def restrict(path: Path, mode: int):
    """Leaves alone what is missing, or belongs to another user as a mounted volume may."""
    with contextlib.suppress(FileNotFoundError, PermissionError):
        path.chmod(mode)


def secret_key(folder: Path, *, may_generate: bool) -> str:
    """The stored key. Without one it is generated, or the program exits with a line that says what to do."""
    path = folder / "secret_key"
    if not path.exists():
        if not may_generate:
            raise SystemExit(KEY_MISSING.format(path=path))
        generate_key(path)
    return path.read_text().strip()


def generate_key(path: Path):
    """Writes the file whole or not at all; two processes that do it at once end up with the same key."""
    descriptor, part = tempfile.mkstemp(dir=path.parent, prefix="secret_key.")  # mode 0600
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(50))
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        os.link(part, path)
    os.unlink(part)
