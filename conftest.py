"""Fixtures of every app: the engine, the cast, and a place for files.

Alice owns; Bob must not; Charlie is broke. Nothing at the top of this file may import Django's models: the
settings are read in `pytest_configure`, when the engine is known.
"""

import contextlib
import os
import tempfile
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlplatform.tests import postgresql

resources = contextlib.ExitStack()


def pytest_addoption(parser):
    parser.addoption(
        "--engine", choices=["sqlite", "postgresql"], default="sqlite", help="database under the tests"
    )


def pytest_configure(config):
    folder = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="mlplatform-tests-")))
    os.environ |= {
        "DATA_DIR": str(folder),
        "DEBUG": "off",
        "SECRET_KEY": "only for tests: " + "x" * 50,
        "THROTTLING": "off",
        "DATABASE_URL": start_engine(config.getoption("engine"), folder),
        "DJANGO_SETTINGS_MODULE": "mlplatform.settings",
    }
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    if config.getoption("engine") == "sqlite":
        # A file, not memory: threads and processes see one database, with the locks of real life
        settings.DATABASES["default"]["TEST"] = {"NAME": str(folder / "test.sqlite3")}


def pytest_unconfigure(config):
    resources.close()


def start_engine(engine: str, folder: Path) -> str:
    if engine == "sqlite":
        return f"sqlite:///{folder / 'db.sqlite3'}"
    try:
        return resources.enter_context(postgresql.server())
    except postgresql.NoServer as missing:
        raise pytest.UsageError(str(missing)) from missing


def pytest_report_header(config):
    return f"engine: {config.getoption('engine')}"


@pytest.fixture(autouse=True)
def files_folder(settings):
    """Files of a test land in a folder that starts out empty."""
    folder = Path(settings.DATA_DIR) / "files" / uuid.uuid4().hex
    settings.MEDIA_ROOT = folder
    return folder


@pytest.fixture(autouse=True)
def ledger_can_be_flushed(request, _django_db_marker):
    """A transactional test ends in a flush, which the triggers of the ledger refuse; it makes them again."""
    yield
    marker = request.node.get_closest_marker("django_db")
    is_transactional = marker and marker.kwargs.get("transaction")
    if is_transactional or {"transactional_db", "live_server"} & set(request.fixturenames):
        from billing import triggers

        triggers.drop()


@pytest.fixture
def make_user(db):
    """Makes people: `make_user("dora@example.com", tokens=3)`."""
    from accounts.models import User
    from billing import operations

    def make(email, tokens=None, **fields):
        from django.conf import settings

        user = User.objects.create_user(email, "correct horse battery", **fields)
        tokens = settings.INITIAL_TOKENS if tokens is None else tokens
        if tokens:
            operations.grant(user=user, amount=tokens, reason="signup", operation=f"signup:{user.pk}")
        user.refresh_from_db()
        return user

    return make


@pytest.fixture
def alice(make_user):
    return make_user("alice@example.com")


@pytest.fixture
def bob(make_user):
    return make_user("bob@example.com")


@pytest.fixture
def charlie(make_user):
    return make_user("charlie@example.com", tokens=0)


@pytest.fixture
def admin_user(make_user):
    return make_user("admin@example.com", is_staff=True, is_superuser=True)


@pytest.fixture
def api():
    """An API client that nobody is signed in to."""
    from rest_framework.test import APIClient

    return APIClient()


@pytest.fixture
def api_as():
    """`api_as(alice).get(…)`: a client that Alice is signed in to."""
    from rest_framework.test import APIClient

    def client_of(user):
        client = APIClient()
        client.force_authenticate(user)
        return client

    return client_of


@pytest.fixture
def at_once():
    """Runs a function in many threads that start together; returns what each returned or raised, in order.

    For tests marked `django_db(transaction=True)`: other threads see only what is committed.
    """
    from django.db import connections

    def run(function, times=None, each=None):
        arguments = [(value,) for value in each] if each is not None else [()] * times
        barrier = threading.Barrier(len(arguments))

        def start(values):
            try:
                barrier.wait(timeout=30)
                return function(*values)
            except BaseException as error:  # noqa: B036 - the test looks at it
                return error
            finally:
                connections.close_all()

        with ThreadPoolExecutor(len(arguments)) as pool:
            return list(pool.map(start, arguments))

    return run


@pytest.fixture
def environment(tmp_path, request):
    """Environment variables for real processes: a data folder and an empty database of their own."""
    with contextlib.ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 'db.sqlite3'}"
        if request.config.getoption("engine") == "postgresql":
            url = stack.enter_context(postgresql.empty_database(os.environ["DATABASE_URL"]))
        yield {
            **os.environ,
            "DATA_DIR": str(tmp_path),
            "DATABASE_URL": url,
        }
