"""Collects static files when they have changed, not at every start.

The manifest and the fingerprint are outside STATIC_ROOT, since everything inside is served.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.files.storage import FileSystemStorage
from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticStorage(CompressedManifestStaticFilesStorage):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, manifest_storage=FileSystemStorage(settings.DATA_DIR), **kwargs)


def collect_when_changed():
    kept = Path(settings.DATA_DIR) / "static_fingerprint"
    current = fingerprint()
    if kept.exists() and kept.read_text() == current:
        return
    # In a new process, because the settings choose the storage with hashed names by the command
    command = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity=0"]
    subprocess.run(command, check=True, cwd=settings.BASE_DIR)  # noqa: S603 - a fixed command
    for name in ("staticfiles.json", "fingerprint"):  # where earlier versions kept them, and served them
        (Path(settings.STATIC_ROOT) / name).unlink(missing_ok=True)
    kept.write_text(current)


def fingerprint() -> str:
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list(ignore_patterns=[]):
            status = Path(storage.path(path)).stat()
            digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
