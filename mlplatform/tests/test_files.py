"""Stored files go through Django's storage alone; what object storage needs is loaded only for it."""

import ast

import pytest

from mlplatform.settings import BASE_DIR
from mlplatform.tests.foreign_rows import APPS, sources
from mlplatform.tests.fresh_process import imported_by

# What touches the disk, and why it may
MAY = {
    "mlplatform/core/storage.py": "the storage module",
    "mlplatform/core/object_storage.py": "a temporary copy of a file that is read",
    "mlmodels/operations/model_cache.py": "copies of what is stored",
    "mlmodels/downloads.py": "a temporary file, until the response is sent",
    "mlmodels/operations/pending_files.py": "removes what killed workers left in their work folder",
    "mlmodels/operations/imports.py": "a model before it is stored",
    "mlmodels/operations/model_files.py": "a model before it is stored",
    "mlmodels/worker/supervision.py": "its own temporary files",
    "mlmodels/worker/trainings.py": "its own temporary files",
    "mlmodels/worker/reproduction.py": "its own temporary files",
    "mlmodels/worker/batches.py": "its own temporary files",
    "mlmodels/worker/inspections.py": "the path that the storage module gave it",
    "mlmodels/worker/child.py": "paths that the worker gave it",
    "mlmodels/worker/cluster_tasks.py": "our own code, to compare it with that of the cluster",
    "mlmodels/worker/sandbox.py": "/proc",
    "mlmodels/management": "files of whoever runs the command",
    "mlmodels/learning": "paths and open files that it is given",
    "mlplatform/backups.py": "the back-up, and files on a disk of this machine",
    "mlplatform/dashboard.py": "how much room the disk has",
    "mlplatform/core/stopping.py": "a mark that the web server is stopping",
    "mlplatform/data_dir.py": "the secret key",
    "mlplatform/request_buffering.py": "a body while it arrives",
    "mlplatform/sqlite3": "the lock of the database",
    "mlplatform/static_files.py": "static files",
    "mlplatform/web_server.py": "counters of requests",
    "mlplatform/management": "passwords of demo accounts, and processes",
}
MODULES = {
    "os": (
        "open", "rename", "replace", "remove", "unlink", "mkdir", "makedirs", "link", "listdir", "scandir",
        "stat",
    ),
    "shutil": None,
    "tempfile": None,
}  # fmt: skip
OF_PATHS = {
    "read_bytes", "read_text", "write_bytes", "write_text", "unlink", "mkdir", "rmdir", "touch", "iterdir",
    "glob", "rglob", "stat",
}  # fmt: skip
OF_STORED_FILES = {"file", "answer", "storage", "default_storage"}


def uses_of_the_disk(source: str) -> list[str]:
    """Calls that read or write files by their path, and looks at the path of a stored file."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and node.id == "open" and isinstance(node.ctx, ast.Load):
            found.append(f"{node.lineno}: open")
        elif isinstance(node, ast.Attribute):
            on = last_name(node.value)
            is_of_module = on in MODULES and (MODULES[on] is None or node.attr in MODULES[on])
            is_path = node.attr == "path" and on in OF_STORED_FILES
            if is_of_module or is_path or node.attr in OF_PATHS or node.attr == "MEDIA_ROOT":
                found.append(f"{node.lineno}: {on}.{node.attr}")
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            found.append(f"{node.lineno}: from {node.module}")
    return found


def last_name(node) -> str:
    return getattr(node, "attr", getattr(node, "id", "…"))


def test_the_disk_is_used_where_it_is_allowed_and_nowhere_else():
    found = {
        str(path.relative_to(BASE_DIR)): uses
        for package in (*APPS, "mlplatform")
        for path in sources(package)
        if (uses := uses_of_the_disk(path.read_text()))
    }

    places = tuple(f"{place}/" for place in MAY if not place.endswith(".py"))
    assert {
        path: uses for path, uses in found.items() if path not in MAY and not path.startswith(places)
    } == {}
    assert [place for place in MAY if not any(path.startswith(place) for path in found)] == []


@pytest.mark.parametrize(
    "line",
    [
        "open(dataset.file.name, 'rb')",
        "handle = model.file.path",
        "default_storage.path(name)",
        "os.rename(part, target)",
        "Path(settings.MEDIA_ROOT)",
        "part.write_bytes(data)",
        "shutil.copyfileobj(source, target)",
        "from tempfile import TemporaryFile",
    ],
)
def test_a_use_of_the_disk_is_found(line):
    assert len(uses_of_the_disk(line)) == 1


@pytest.mark.parametrize(
    "line", ["dataset.file.open('rb')", "default_storage.save(name, file)", "request.path"]
)
def test_a_use_of_the_storage_is_none(line):
    assert uses_of_the_disk(line) == []


@pytest.mark.parametrize(("url", "is_loaded"), [("", False), ("s3://bucket", True)])
def test_object_storage_is_loaded_where_it_is_used(tmp_path, url, is_loaded):
    code = (
        "import mlplatform.wsgi, mlplatform.urls, mlmodels.worker.loop\n"
        "from django.core.files.storage import default_storage\n"
        "default_storage.get_valid_name('a')"
    )
    packages = {"boto3", "botocore", "storages", "s3transfer"}

    imported = imported_by(code, packages, DATA_DIR=str(tmp_path), STORAGE_URL=url)

    assert bool(imported) == is_loaded, imported
    assert not (tmp_path / "files").exists()
