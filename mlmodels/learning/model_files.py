"""A fitted pipeline as a file: written, signed, and read back only if the signature is valid.

The training process checks its own file with this; `operations.model_files` stores and loads them.
"""

import hashlib
import hmac
import io
import os
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

FILE_FORMAT = "joblib-1"
COMPRESSION_LEVEL = 1  # a forest shrinks to a third, and the time to load hardly grows
VERSIONS_KEPT = ("scikit-learn", "numpy", "joblib")


class SignatureInvalid(Exception):
    """The bytes are not the ones that were signed, or the signature was made with another key."""


@dataclass(frozen=True)
class FileSignature:
    """What a signature covers: these bytes, as the file of this very model, in this format."""

    model_uuid: str
    file_format: str
    size_bytes: int
    sha256: str

    @classmethod
    def of(cls, data: bytes, model_uuid: str) -> "FileSignature":
        return cls(str(model_uuid), FILE_FORMAT, len(data), hashlib.sha256(data).hexdigest())

    def fits(self, data: bytes) -> bool:
        return len(data) == self.size_bytes and hashlib.sha256(data).hexdigest() == self.sha256

    def signature(self, key: bytes, key_id: str) -> str:
        facts = ":".join((key_id, self.model_uuid, self.file_format, str(self.size_bytes), self.sha256))
        return hmac.new(key, facts.encode(), hashlib.sha256).hexdigest()

    def is_signed(self, signature: str, key: bytes, key_id: str) -> bool:
        """In constant time, so that a signature cannot be guessed bit by bit."""
        return hmac.compare_digest(self.signature(key, key_id).encode(), signature.encode())


def write(pipeline, path: Path) -> None:
    """Writes the pipeline and returns when it is on the disk."""
    import joblib

    with open(path, "wb") as handle:
        joblib.dump(pipeline, handle, compress=COMPRESSION_LEVEL)
        handle.flush()
        os.fsync(handle.fileno())


def read(data: bytes, signed: FileSignature, signature: str, key: bytes, key_id: str):
    """The pipeline in these bytes. Unpickling can run anything: the signature comes first, here alone."""
    if not signed.is_signed(signature, key, key_id) or not signed.fits(data):
        raise SignatureInvalid
    import joblib

    return joblib.load(io.BytesIO(data))


def library_versions() -> dict[str, str]:
    """What wrote a file made now; `are_compatible` compares it with what is installed when it is read."""
    return {name: version(name) for name in VERSIONS_KEPT}


def are_compatible(recorded: dict[str, str]) -> bool:
    """scikit-learn promises to read its pickles within a minor version, numpy within a major one."""
    installed = library_versions()
    return _leading(recorded, "scikit-learn", 2) == _leading(installed, "scikit-learn", 2) and _leading(
        recorded, "numpy", 1
    ) == _leading(installed, "numpy", 1)


def _leading(versions: dict[str, str], name: str, parts: int) -> list[str]:
    return versions.get(name, "").split(".")[:parts]
