"""Copies of model files on the disk of this machine, where the files themselves are on object storage.

A copy is named by the SHA-256 in its model's row, and verified like the file itself when it is read. All
copies together stay below MODEL_CACHE_MB: the least recently used are removed first. The copy of a deleted
model is removed at once on the machine that deletes it. Other machines remove it when they make the next
copy, or within CLEAN_SECONDS while a process runs that has made one.
"""

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection

from mlmodels.models import TrainedModel

SUFFIX = ".model"
CLEAN_SECONDS = 15 * 60

_lock = threading.Lock()
_cleaning: threading.Thread | None = None


def get(sha256: str) -> bytes | None:
    """The copy, if there is one."""
    path = _path(sha256)
    try:
        data = path.read_bytes()
        os.utime(path)  # its last use
    except FileNotFoundError:
        return None
    return data


def put(sha256: str, data: bytes) -> None:
    if len(data) > _bytes_max():
        return
    part = _path(sha256).with_suffix(f".{os.getpid()}-{threading.get_ident()}.part")
    part.write_bytes(data)
    part.replace(_path(sha256))
    clean()
    _clean_from_now_on()


def drop(sha256: str) -> None:
    _path(sha256).unlink(missing_ok=True)


def clean() -> None:
    """Removes the copies of deleted models, and the least recently used of the others that do not fit."""
    copies = _copies()
    names = {path.stem for path, _ in copies}
    kept = set(TrainedModel.objects.filter(sha256__in=names).values_list("sha256", flat=True))
    room = _bytes_max()
    for path, size_bytes in copies:
        if path.stem not in kept or size_bytes > room:
            path.unlink(missing_ok=True)
        else:
            room -= size_bytes


def _copies() -> list[tuple[Path, int]]:
    """With their sizes, the last used first. Removes parts that killed processes left."""
    found = []
    for path in _folder().iterdir():
        with suppress(FileNotFoundError):  # removed by another process
            status = path.stat()
            if path.suffix == SUFFIX:
                found.append((status.st_mtime, path, status.st_size))
            elif time.time() - status.st_mtime > CLEAN_SECONDS:
                path.unlink()
    return [(path, size_bytes) for _, path, size_bytes in sorted(found, reverse=True)]


def _clean_from_now_on() -> None:
    """Starts the thread that cleans, once in each process that has made a copy."""
    global _cleaning
    with _lock:
        if _cleaning is None:
            _cleaning = threading.Thread(target=_clean_again_and_again, name="model-cache", daemon=True)
            _cleaning.start()


def _clean_again_and_again() -> None:
    while True:
        time.sleep(CLEAN_SECONDS)
        try:
            clean()
        except DatabaseError:  # cleaned the next time
            pass
        finally:
            connection.close()


def _bytes_max() -> int:
    return settings.MODEL_CACHE_MB * 1_000_000


def _path(sha256: str) -> Path:
    return _folder() / f"{sha256}{SUFFIX}"


def _folder() -> Path:
    folder = Path(settings.DATA_DIR) / "model_cache"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
