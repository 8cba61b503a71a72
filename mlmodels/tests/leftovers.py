"""Files that killed processes left, made old enough to be swept."""

import os
import time
from datetime import timedelta

from django.core.files.storage import default_storage
from django.db.models.functions import Now

from mlmodels.models import PendingFile
from mlmodels.operations import pending_files


def stored(folder="datasets"):
    return default_storage.listdir(folder)[1] if default_storage.exists(folder) else []


def grow_old(age=timedelta(hours=2)):
    """Everything that was announced or written by a worker, and the files themselves."""
    PendingFile.objects.update(registered_at=Now() - age)
    then = time.time() - age.total_seconds()
    for path in pending_files.work_folder().iterdir():
        os.utime(path, (then, then))
    for folder in ("datasets", "models"):
        for name in stored(folder):
            os.utime(default_storage.path(f"{folder}/{name}"), (then, then))
