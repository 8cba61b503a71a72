"""Collects static files when they have changed, and not at every start."""

import hashlib
import subprocess
import sys
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders


def collect_when_changed():
    signature_of_file = Path(settings.STATIC_ROOT) / "fingerprint"
    current = fingerprint()
    if signature_of_file.exists() and signature_of_file.read_text() == current:
        return
    # A process of its own: only when that is its task do the settings choose the storage with hashed names
    command = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity=0"]
    subprocess.run(command, check=True, cwd=settings.BASE_DIR)  # noqa: S603 - a command of ours
    signature_of_file.write_text(current)


def fingerprint() -> str:
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list(ignore_patterns=[]):
            status = Path(storage.path(path)).stat()
            digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
