"""Files that users upload."""

import hashlib
import io
from typing import BinaryIO

from django.conf import settings

from mlplatform.core.errors import TooLarge


def size_of(upload: BinaryIO) -> int:
    """In bytes; refuses a file with more than MAX_UPLOAD_MB."""
    size_bytes = upload.size if hasattr(upload, "size") else upload.seek(0, io.SEEK_END)
    if size_bytes > settings.MAX_UPLOAD_MB * 1_000_000:
        raise TooLarge(
            f"The file has {size_bytes / 1e6:,.1f} MB; at most {settings.MAX_UPLOAD_MB} MB are allowed."
        )
    return size_bytes


def sha256_of(upload: BinaryIO) -> str:
    """The hex digest of an open file. The file is read once: the object keeps its digest."""
    if not hasattr(upload, "sha256"):
        upload.seek(0)
        upload.sha256 = hashlib.file_digest(upload, "sha256").hexdigest()
        upload.seek(0)
    return upload.sha256
