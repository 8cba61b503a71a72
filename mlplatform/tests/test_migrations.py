"""Migrations run while the previous release still serves: what they may do, and its code on the new schema.

At a release, move RELEASE and LAST_MIGRATIONS to it, and empty REVIEWED.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader

from mlplatform.tests.processes import PATIENCE_SECONDS

PROJECT = Path(__file__).parents[2]

# The commit whose code has to work on this schema, and the last migration that it has of each app
RELEASE = "2b8ed46fe333d32d8be96349502b97c4eff33bf5"
LAST_MIGRATIONS = {"accounts": "0005_api_keys", "billing": "0003_token_requests", "mlmodels": "0014_sharing"}
# Names of migrations that do something else, and why the previous release can live with it
REVIEWED = {
    "mlmodels.0015_index_stored_predictions": "only exchanges the index of predictions by their owner",
    "mlmodels.0016_trainedmodel_series": "fills a column that the previous release does not know",
}


HARMLESS = (
    migrations.CreateModel,
    migrations.AddIndex,
    migrations.RemoveIndex,
    migrations.AlterModelOptions,
    migrations.AlterModelManagers,
)


def what_breaks_the_previous_release(operation) -> str | None:
    """Its code neither reads nor writes what it does not know, and inserts rows without it."""
    if isinstance(operation, HARMLESS):
        return None
    if isinstance(operation, migrations.AddField):
        field = operation.field
        if field.many_to_many or field.null or field.has_db_default():
            return None
        return (
            f"{operation.describe()}: rows of the previous release lack it; give it a db_default or null=True"
        )
    return f"{operation.describe()}: do it in the release after the one that no longer needs it"


def migrations_since_the_release():
    loader = MigrationLoader(None)
    return [
        migration
        for (app, name), migration in sorted(loader.disk_migrations.items())
        if app in LAST_MIGRATIONS and name > LAST_MIGRATIONS[app]
    ]


def test_migrations_since_the_release_only_add_what_its_code_can_ignore():
    found = [
        f"{migration}: {problem}"
        for migration in migrations_since_the_release()
        if str(migration) not in REVIEWED
        for problem in map(what_breaks_the_previous_release, migration.operations)
        if problem
    ]

    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddField("run", "priority", models.IntegerField(default=0)),
        migrations.RemoveField("run", "priority"),
        migrations.RenameField("run", "priority", "urgency"),
        migrations.AlterField("run", "priority", models.IntegerField()),
        migrations.DeleteModel("run"),
        migrations.AddConstraint("run", models.UniqueConstraint(fields=["name"], name="unique")),
        migrations.RunSQL("DELETE FROM run"),
    ],
    ids=lambda operation: type(operation).__name__,
)
def test_what_the_previous_release_cannot_live_with_is_found(operation):
    assert what_breaks_the_previous_release(operation)


# What the previous release does here, with its own code: every kind of row is written and read
WORK = """
from accounts.models import User
from billing import operations as billing
from billing.verify import verify_ledger
from mlmodels.models import TrainingRun
from mlmodels.operations import jobs, predictions
from mlmodels.tests.factories import make_dataset, make_model, start_batch, start_run
from mlplatform.health import find_failing

user = User.objects.create_user("ada@example.com", "a long pass phrase")
billing.grant(user=user, amount=100, reason="signup", operation="signup:1")
model = make_model(user, dataset=make_dataset(user))
predictions.predict(owner=user, model=model, features={"size": 70, "rooms": 2, "place": "city"})
batch, run = start_batch(user, model), start_run(user, model.dataset)
claimed = {jobs.claim_next(worker="old") for _ in range(2)}
assert claimed == {batch, run}
assert jobs.hand_back(job=TrainingRun.objects.get(pk=run.pk))
jobs.cancel(job=run)
jobs.recover()
assert verify_ledger() == []
assert set(find_failing()) == {"worker"}
print("done")
"""


@pytest.fixture
def previous_release(tmp_path):
    """The code of RELEASE in a folder.

    It is in the history alone. Whoever has the project as an archive, or as a shallow clone, cannot run these
    tests, so they are skipped there with a message.
    """
    folder = tmp_path / "release"
    folder.mkdir()
    archive = ["git", "-C", str(PROJECT), "archive", RELEASE]
    try:
        packed = subprocess.run(archive, capture_output=True)
    except FileNotFoundError:
        pytest.skip("git is not installed")
    if packed.returncode:
        pytest.skip(f"the history of this copy does not have {RELEASE}: {packed.stderr.decode().strip()}")
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed.stdout, check=True)
    return folder


def test_the_previous_release_works_on_this_schema(environment, previous_release):
    run(PROJECT, environment, "migrate", "--verbosity", "0")

    assert run(previous_release, environment, "shell", "--command", WORK).splitlines()[-1] == "done"


def run(folder, environment, *command) -> str:
    manage = [sys.executable, str(folder / "manage.py"), *command]
    ended = subprocess.run(
        manage,
        env={**os.environ, **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
