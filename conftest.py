"""Fixtures of every app: the engine, the cast, and a place for files.

Alice owns; Bob must not; Charlie is broke. The settings are read when the engine is known, so models are
imported inside the fixtures of this file.
"""

import atexit
import contextlib
import functools
import os
import tempfile
import threading
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import django
import pytest
from django.conf import settings

from mlplatform.tests import object_storage, postgresql

resources = contextlib.ExitStack()


def pytest_addoption(parser, pluginmanager):
    parser.addoption(
        "--engine", choices=["sqlite", "postgresql"], default="sqlite", help="database under the tests"
    )
    # As early as that, so that what is loaded next, such as the conftest of an app, may import models
    arguments = pluginmanager.get_plugin("pytestconfig").invocation_params.args
    set_up_django(parser.parse_known_args(arguments).engine)


def set_up_django(engine: str):
    folder = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="mlplatform-tests-")))
    atexit.register(resources.close)  # after the folder: what is registered last ends first
    os.environ |= {
        "DATA_DIR": str(folder),
        "DEBUG": "off",
        "SECRET_KEY": "only for tests: " + "x" * 50,
        "THROTTLING": "off",
        "HOUSEKEEPING_HOUR": "24",  # no worker begins by itself
        "AUTO_BUDGET_SECONDS": "2",
        "TRAINING_NICENESS": "0",  # beside the tests of another engine a training would hardly go on
        "OMP_NUM_THREADS": "1",  # small fits crawl where threads compete for two cores
        "DATABASE_URL": start_engine(engine, folder),
        "DJANGO_SETTINGS_MODULE": "mlplatform.settings",
    }
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.WHITENOISE_AUTOREFRESH = True  # else every test client looks through all static files
    if engine == "sqlite":
        # A file, not memory: threads and processes see one database, with the locks of real life
        settings.DATABASES["default"]["TEST"] = {"NAME": str(folder / "test.sqlite3")}
    django.setup()


def start_engine(engine: str, folder: Path) -> str:
    if engine == "sqlite":
        return f"sqlite:///{folder / 'db.sqlite3'}"
    try:
        return resources.enter_context(postgresql.server())
    except postgresql.NoServer as missing:
        raise pytest.UsageError(str(missing)) from missing


def pytest_report_header(config):
    return f"engine: {config.getoption('engine')}"


def pytest_collection_modifyitems(config, items):
    """Selects by engine. Tests without a database run on SQLite alone: a second run could not differ."""
    engine = config.getoption("engine")
    selected = [item for item in items if runs_on(engine, item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in selected])
    items[:] = selected


def runs_on(engine: str, item) -> bool:
    if engine == "sqlite":
        return not item.get_closest_marker("postgresql_only")
    return touches_database(item) and not item.get_closest_marker("sqlite_only")


def touches_database(item) -> bool:
    fixtures = {"db", "transactional_db", "live_server", "environment"}
    return bool(item.get_closest_marker("django_db") or fixtures & set(item.fixturenames))


@pytest.fixture(autouse=True)
def files_folder(settings):
    """Files of a test land in a folder that starts out empty."""
    folder = Path(settings.DATA_DIR) / "files" / uuid.uuid4().hex
    settings.MEDIA_ROOT = folder
    return folder


@pytest.fixture(scope="session")
def s3_server():
    """The address of an S3 server. Clients share what botocore reads from files: a test makes several."""
    import botocore.session

    with pytest.MonkeyPatch.context() as patch, object_storage.server() as address:
        patch.setattr(botocore.session, "create_loader", functools.cache(botocore.session.create_loader))
        yield address


@pytest.fixture
def bucket(s3_server, settings, files_folder):
    """Files of this test go into a bucket of their own, and none to the disk."""
    bucket = object_storage.Bucket(s3_server)
    use_storage(settings, bucket)
    yield bucket
    assert not files_folder.exists()


@pytest.fixture
def faulty_storage(bucket, settings):
    """The same through a proxy: `faulty_storage.fault = "gone"`."""
    proxy = object_storage.FaultyProxy(bucket.address)
    use_storage(settings, bucket, endpoint_url=proxy.address)
    yield proxy
    proxy.fault = None
    proxy.close()


def use_storage(settings, bucket, **options):
    backend = "mlplatform.core.object_storage.ObjectStorage"
    options = bucket.options | options
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": backend, "OPTIONS": options}}


class SendAtOnce:
    """In place of the thread that sends e-mails."""

    def submit(self, function, *arguments):
        done = Future()
        try:
            done.set_result(function(*arguments))
        except OSError as error:
            done.set_exception(error)
        return done


@pytest.fixture(autouse=True)
def mails_at_once(monkeypatch):
    monkeypatch.setattr("mlplatform.core.mails.mail_sender", SendAtOnce())


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """A transactional test ends in a flush: what `migrate` had written comes back as it was, in two inserts.

    Django would have each app look for its content types and permissions, which takes longer than the test.
    """
    from django.contrib.auth.models import Permission
    from django.contrib.contenttypes.models import ContentType
    from django.core.management.commands import flush

    from billing import purchases_on_postgresql, triggers

    with django_db_blocker.unblock():
        written = [(model, list(model.objects.all())) for model in (ContentType, Permission)]

    def put_back(*arguments, **options):
        for model, rows in written:
            model.objects.bulk_create(rows)
        triggers.install()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush, "emit_post_migrate_signal", put_back)
        yield
    purchases_on_postgresql.sender.close()  # a database that is in use cannot be dropped


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
    """Makes users: `make_user("dora@example.com", tokens=3)`."""
    from accounts.models import User
    from billing import operations

    def make(email, tokens=None, **fields):
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
    """An API client that nobody is signed in to. It checks every answer against the schema."""
    from mlplatform.tests.described import DescribedClient

    return DescribedClient()


@pytest.fixture
def api_as():
    """`api_as(alice).get(…)`: a client that Alice is signed in to."""
    from mlplatform.tests.described import DescribedClient

    def client_of(user):
        client = DescribedClient()
        client.force_authenticate(user)
        return client

    return client_of


@pytest.fixture
def pages_of():
    """`pages_of(alice).get(…)`: a browser that Alice is signed in to."""
    from django.test import Client

    def client_of(user):
        client = Client()
        client.force_login(user)
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


@pytest.fixture
def trains_at_once(monkeypatch):
    """A request that waits for a training run over the API carries it out in this process."""
    from mlmodels.api import waiting
    from mlmodels.tests.quick import train_now

    def train(*, job, seconds):
        return train_now(job) if job.is_open else job

    monkeypatch.setattr(waiting, "wait_for_end", train)


@pytest.fixture
def make_model(db, settings):
    """`make_model(alice, model_name="houses")`: a model that works and has cost nothing."""
    from mlmodels.tests.factories import start_run
    from mlmodels.tests.quick import train_now

    def make(owner, dataset=None, **order):
        price, settings.TRAINING_TOKEN_COST = settings.TRAINING_TOKEN_COST, 0
        run = train_now(start_run(owner, dataset, **order))
        settings.TRAINING_TOKEN_COST = price
        return run.trained_model

    return make
