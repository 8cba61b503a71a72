"""The key that signs sessions, tokens and model files, made once and kept beside the data."""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

MISSING = (
    "SECRET_KEY is missing: set it in the environment to a long random text, "
    "or keep one in {path} (`make run` makes it)."
)


def read(data_dir: Path, *, may_generate: bool) -> str:
    """The kept key. Without one it is generated, or the program ends with a line that says what to do."""
    path = data_dir / "secret_key"
    with contextlib.suppress(FileNotFoundError):
        return path.read_text().strip()
    if not may_generate:
        raise SystemExit(MISSING.format(path=path))
    generate(path)
    return path.read_text().strip()


def generate(path: Path):
    """Writes the file whole or not at all; of two processes that do it at once, both end up with one key."""
    descriptor, part = tempfile.mkstemp(dir=path.parent, prefix="secret_key.")  # mode 0600
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(50))
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        os.link(part, path)
    os.unlink(part)
