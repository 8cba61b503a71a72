"""Stored files, on a disk of this machine or on object storage. Only this module knows the difference.

A stored file never changes. It is written under a new name, then the row that names it is committed.
"""

import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage

from mlplatform.core.errors import StorageUnavailable

BLOCK_BYTES = 1_000_000


class FinishedFile(File):
    """A file that the storage may move instead of copy: on a local disk that is one rename."""

    def __init__(self, path: Path):
        super().__init__(path.open("rb"), name=path.name)
        self.path = path

    def temporary_file_path(self) -> str:
        return str(self.path)


class ReceivedFile(File):
    """An upload. One that is in a temporary file, the storage may move likewise."""

    def __init__(self, upload: BinaryIO):
        super().__init__(upload, name="upload")
        if hasattr(upload, "temporary_file_path"):
            self.temporary_file_path = upload.temporary_file_path


def keep(part: Path, *, name: str) -> None:
    """Stores a finished file under this name, which must be new. Can be repeated if it fails."""
    with FinishedFile(part) as content:
        stored = default_storage.save(name, content)
    assert stored == name, f"there already is a file {name}"
    if is_local():
        _sync_folder(Path(default_storage.path(name)).parent)


def check() -> None:
    """Stores, reads and deletes a file on object storage. Raises StorageUnavailable with its cause."""
    if is_local():
        return
    name = default_storage.save(f"check/{uuid.uuid4()}", ContentFile(b"check"))
    default_storage.open(name).close()
    default_storage.delete(name)


def is_local() -> bool:
    """Whether the files are on a disk of this machine."""
    return isinstance(default_storage, FileSystemStorage)


@contextmanager
def local_copy(name: str, *, copy: Path, sha256: str) -> Iterator[str]:
    """A path that a process can open: the file itself, or `copy` of it, which is removed afterwards.

    Raises FileNotFoundError, and StorageUnavailable if the copy does not have this checksum.
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
    """Deletes the file, or the parts of it that a killed process had uploaded."""
    default_storage.delete(name)
    if not is_local():
        default_storage.discard_parts(name)


def signed_url(name: str, *, file_name: str, content_type: str) -> str | None:
    """A link to download the file that soon expires; None if browsers cannot reach the storage."""
    if is_local():
        return None
    return default_storage.signed_url(name, file_name=file_name, content_type=content_type)


def relay_urls(name: str, *, seconds: int) -> tuple[str, str] | None:
    """URLs by which processes without a key of the storage can write and read the file; None on a disk."""
    return None if is_local() else default_storage.relay_urls(name, seconds=seconds)


def _sync_folder(folder: Path) -> None:
    """A rename survives a power failure only if its folder has been written to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
