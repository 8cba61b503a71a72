"""Stored files, on a disk of this machine or on object storage: whatever differs is decided here.

A stored file never changes. It is written under a new name, then the row that names it is committed.
"""

import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from mlplatform.core.errors import StorageUnavailable

BLOCK_BYTES = 1_000_000


class FinishedFile(File):
    """A file that the storage may move instead of copy: on a local disk that is one rename."""

    def __init__(self, path: Path):
        super().__init__(path.open("rb"), name=path.name)
        self.path = path

    def temporary_file_path(self) -> str:
        return str(self.path)


def keep(part: Path, *, name: str) -> None:
    """Puts a finished file into the storage under this name, which is new. Can be repeated if that fails."""
    with FinishedFile(part) as content:
        stored = default_storage.save(name, content)
    assert stored == name, f"there already is a file {name}"
    if is_local():
        _sync_folder(Path(default_storage.path(name)).parent)


def check() -> None:
    """Stores, reads and deletes a file on object storage; StorageUnavailable has the reason as its cause."""
    if is_local():
        return
    name = default_storage.save(f"check/{uuid.uuid4()}", ContentFile(b"check"))
    default_storage.open(name).close()
    default_storage.delete(name)


def is_local() -> bool:
    """Whether the files are on a disk of this machine."""
    try:
        return bool(default_storage.path(""))
    except NotImplementedError:  # how a storage of Django says that its files have no path
        return False


@contextmanager
def local_copy(name: str, *, copy: Path, sha256: str) -> Iterator[str]:
    """A path that a process can open: the file itself, or `copy` of it, which is removed afterwards.

    Raises FileNotFoundError, and StorageUnavailable for a copy that is not what its row says.
    """
    if is_local():
        path = default_storage.path(name)
        os.stat(path)
        yield path
        return
    try:
        with default_storage.open(name) as source, copy.open("wb") as target:
            found = hashlib.sha256()
            for block in source.chunks(BLOCK_BYTES):
                found.update(block)
                target.write(block)
        if found.hexdigest() != sha256:
            raise StorageUnavailable("A file did not arrive from the storage as it was stored.")
        yield str(copy)
    finally:
        copy.unlink(missing_ok=True)


def delete_leftover(name: str) -> None:
    """Also what was uploaded of it, where a process was killed meanwhile."""
    default_storage.delete(name)
    if not is_local():
        default_storage.discard_parts(name)


def signed_url(name: str, *, file_name: str, content_type: str) -> str | None:
    """A link that downloads the file for a short while; None where the storage has no address of its own."""
    if is_local():
        return None
    return default_storage.signed_url(name, file_name=file_name, content_type=content_type)


def _sync_folder(folder: Path) -> None:
    """A rename is durable once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
