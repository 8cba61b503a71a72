"""Files that users upload."""

import hashlib
from typing import BinaryIO


def sha256_of(upload: BinaryIO) -> str:
    """The hex digest of an open file. The file is read once: the object keeps its digest."""
    if not hasattr(upload, "sha256"):
        upload.seek(0)
        upload.sha256 = hashlib.file_digest(upload, "sha256").hexdigest()
        upload.seek(0)
    return upload.sha256
