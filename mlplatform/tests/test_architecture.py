"""Who may import whom, and who may write whose rows: the rules of docs/architecture.md.

The import contracts stand in `.importlinter`. Each rule has an example that breaks it on purpose.
"""

import ast
import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlplatform.settings import BASE_DIR
from mlplatform.tests.foreign_rows import APPS, foreign_writes, sources, unknown_relations
from mlplatform.tests.fresh_process import LEARNING_LIBRARIES, imported_by
from mlplatform.tests.processes import PATIENCE_SECONDS

WEB = ("django.http", "django.shortcuts", "rest_framework", "django_htmx")
BROKEN_IMPORTS = [  # contract, file, module that it must not import
    ("apps", "billing/operations.py", "mlmodels.operations"),
    ("apps", "billing/views.py", "accounts.models"),
    ("apps", "accounts/views.py", "mlmodels.models"),
    ("apps", "mlmodels/forms/training.py", "accounts.forms"),
    ("root", "accounts/mails.py", "mlplatform.settings"),
    ("root", "mlmodels/worker/loop.py", "mlplatform.health"),
    ("core", "mlplatform/core/csv_export.py", "billing.models"),
    ("core", "mlplatform/core/errors.py", "mlplatform.logs"),
    ("layers", "mlmodels/operations/training.py", "mlmodels.forms"),
    ("layers", "mlmodels/operations/jobs.py", "mlmodels.views.runs"),
    ("layers", "accounts/operations/passwords.py", "accounts.api.serializers"),
    ("layers", "mlmodels/operations/predictions.py", "mlmodels.templatetags.columns"),
    ("layers", "mlmodels/operations/jobs.py", "mlmodels.worker.loop"),
    ("layers", "billing/operations.py", "billing.management.commands.grant_tokens"),
    ("layers", "mlmodels/models/datasets.py", "mlmodels.operations.datasets"),
    ("layers", "billing/models.py", "billing.forms"),
    ("learning-without-django", "mlmodels/learning/tables/cells.py", "django.utils.text"),
    ("learning-without-django", "mlplatform/core/errors.py", "rest_framework.exceptions"),  # by a detour
    ("learning-alone", "mlmodels/learning/scoring/cache.py", "mlmodels.limits"),
    ("learning-alone", "mlmodels/learning/model_files.py", "billing.operations"),
    ("learning-layers", "mlmodels/learning/tables/reading.py", "mlmodels.learning.trainers.plan"),
    ("learning-layers", "mlmodels/learning/trainers/fitting.py", "mlmodels.learning.scoring"),
]


def lint(project: Path, *options: str) -> tuple[int, str]:
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache", "--no-logo", *options]
    ended = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    return ended.returncode, ended.stdout + ended.stderr


def test_the_import_contracts_are_kept():
    code, output = lint(BASE_DIR)

    assert code == 0, output


@pytest.fixture(scope="module")
def copy_of_project(tmp_path_factory):
    copy = tmp_path_factory.mktemp("project")
    shutil.copy(BASE_DIR / ".importlinter", copy)
    for package in (*APPS, "mlplatform"):
        shutil.copytree(BASE_DIR / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.mark.parametrize(("contract", "file", "imported"), BROKEN_IMPORTS, ids=lambda value: value)
def test_a_contract_that_is_broken_is_reported_with_the_module(contract, file, imported, copy_of_project):
    source = copy_of_project / file
    kept = source.read_text()
    source.write_text(f"{kept}\n\ndef later():\n    import {imported}\n")

    code, output = lint(copy_of_project, "--contract", contract)

    source.write_text(kept)
    assert code == 1, output
    assert file.removesuffix(".py").replace("/", ".") in output.replace("\n", "")


def test_every_contract_is_broken_by_an_example():
    configuration = configparser.ConfigParser()
    configuration.read(BASE_DIR / ".importlinter")
    contracts = {
        section.rpartition(":")[2] for section in configuration.sections() if ":contract:" in section
    }

    assert {contract for contract, _, _ in BROKEN_IMPORTS} == contracts


def web_imports(source: str) -> list[str]:
    """What a file imports of HTTP. import-linter knows other people's packages only as a whole."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return sorted(name for name in names if f"{name}.".startswith(tuple(f"{web}." for web in WEB)))


@pytest.mark.parametrize("app", APPS)
def test_operations_and_models_know_nothing_of_the_web(app):
    inner = [path for path in sources(app) if path.relative_to(BASE_DIR / app).parts[0].split(".")[0] in
             {"operations", "models"}]  # fmt: skip

    assert inner
    assert {str(path): found for path in inner if (found := web_imports(path.read_text()))} == {}


@pytest.mark.parametrize(
    "line",
    [
        "from django.http import Http404",
        "from django import shortcuts",
        "import rest_framework.status",
        "def f():\n    from django_htmx.http import trigger_client_event",
    ],
)
def test_an_import_of_the_web_is_found(line):
    assert len(web_imports(line)) == 1


@pytest.mark.parametrize("app", APPS)
def test_another_app_is_used_through_its_operations_and_never_by_writing_its_rows(app):
    found = [
        f"{path.relative_to(BASE_DIR)}:{write}"
        for path in sources(app)
        for write in foreign_writes(path.read_text(), app)
    ]

    assert found == []


@pytest.mark.parametrize(
    ("app", "source"),
    [
        ("mlmodels", "LedgerEntry.objects.create(amount=5)"),
        ("mlmodels", "models.IdempotencyKey.objects.filter(key=key).delete()"),
        ("mlmodels", "run.owner.ledger_entries.create(amount=5)"),
        ("accounts", "user.training_runs.update(status='failed')"),
        ("accounts", "user.datasets.all().delete()"),
        ("billing", "request.user.trained_models.get(pk=1).save()"),
        ("billing", "for run in user.training_runs.all():\n    run.delete()"),
        ("accounts", "def f(user):\n    first = user.predictions.first()\n    first.save()"),
        ("accounts", "run = get_object_or_404(user.training_runs, pk=1)\nrun.save()"),
        ("mlmodels", "run.owner.save(update_fields=['email'])"),
        ("billing", "get_user_model().objects.filter(pk=1).update(is_active=False)"),
        ("mlmodels", "cursor.execute('UPDATE billing_ledgerentry SET amount = 0')"),
    ],
)
def test_a_write_to_rows_of_another_app_is_found(app, source):
    assert len(foreign_writes(source, app)) == 1


@pytest.mark.parametrize(
    ("app", "source"),
    [
        ("mlmodels", "owner.training_runs.create(algorithm='knn')"),
        ("billing", "account.ledger_entries.create(amount=5)"),
        ("mlmodels", "names = owner.ledger_entries.values_list('reason')\nseen.update(names)"),
        ("accounts", "user.save()"),
    ],
)
def test_a_write_to_rows_of_its_own_is_none(app, source):
    assert foreign_writes(source, app) == []


@pytest.mark.parametrize("app", APPS)
def test_no_app_reaches_up_through_a_related_name(app):
    found = {
        f"{path.relative_to(BASE_DIR)}:{use.partition(':')[2]}"
        for path in sources(app)
        for use in unknown_relations(path.read_text(), app)
    }

    assert found == set()


@pytest.mark.parametrize(
    ("app", "source"),
    [
        ("billing", "request.user.training_runs.held_tokens()"),
        ("billing", "users.filter(trained_models__pk=1)"),
        ("accounts", "self.datasets.count()"),
        ("mlmodels", "owner.token_families.count()"),
    ],
)
def test_a_related_name_that_reaches_up_is_found(app, source):
    assert len(unknown_relations(source, app)) == 1


def test_commands_that_learn_nothing_load_no_learning_library():
    commands = ["grant_tokens", "verify_ledger", "recover_runs", "prune_predictions", "quickstart", "migrate"]
    code = f"""
import django; django.setup()
from django.core import checks, management
for command in {commands}:
    management.load_command_class(management.get_commands()[command], command)
checks.run_checks()
"""

    assert imported_by(code, LEARNING_LIBRARIES) == set()


def test_the_web_process_starts_without_a_learning_library():
    assert imported_by("import mlplatform.wsgi, mlplatform.urls", LEARNING_LIBRARIES) == set()


def test_trainers_and_tables_describe_themselves_without_a_learning_library():
    code = "import mlmodels.learning.trainers, mlmodels.learning.tables"

    assert imported_by(code, LEARNING_LIBRARIES) == set()


def test_a_script_of_the_benchmarks_hides_no_module_of_the_standard_library():
    """Python looks first into the folder of the script that it runs."""
    scripts = {path.stem for path in (BASE_DIR / "benchmarks").rglob("*.py")}
    assert "public_tables" in scripts
    assert not scripts & sys.stdlib_module_names
