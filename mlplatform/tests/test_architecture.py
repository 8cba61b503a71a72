"""Who may import whom. The four rules stand in docs/architecture.md; a failure names the file."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from mlplatform.settings import BASE_DIR

APPS = ("accounts", "billing", "mlmodels")
MAY_IMPORT = {"accounts": {"billing"}, "billing": set(), "mlmodels": {"billing"}}
SHARED = ("mlplatform.core",)
WEB = ("django.http", "django.shortcuts", "rest_framework", "django_htmx")
PURE = ("mlmodels.learning.tables", "mlmodels.learning.trainers", "mlmodels.learning.scoring")
MAY_BUILD_ON = {  # the pure packages below each one
    "mlmodels.learning.tables": {"mlmodels.learning.tables"},
    "mlmodels.learning.trainers": {"mlmodels.learning.trainers", "mlmodels.learning.tables"},
    "mlmodels.learning.scoring": {
        "mlmodels.learning.scoring",
        "mlmodels.learning.trainers",
        "mlmodels.learning.tables",
    },
}
HEAVY = ("sklearn", "pandas", "numpy", "scipy", "joblib")


def modules(package: str) -> list[tuple[Path, str]]:
    """Each source file of a package, without tests and migrations, with its dotted name."""
    found = []
    for path in sorted((BASE_DIR / package.replace(".", "/")).rglob("*.py")):
        relative = path.relative_to(BASE_DIR)
        if not {"tests", "migrations"} & set(relative.parts):
            found.append((path, ".".join(relative.with_suffix("").parts)))
    return found


def imports(path: Path, module: str) -> set[str]:
    """Dotted names that a file imports, wherever in it; relative ones are made absolute."""
    package = module.removesuffix(".__init__") if path.name == "__init__.py" else module.rpartition(".")[0]
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            names |= {f"{origin}.{alias.name}" for alias in node.names}
    return names


def is_in(name: str, packages) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def offences(package: str, is_forbidden) -> list[str]:
    return [
        f"{path.relative_to(BASE_DIR)} imports {name}"
        for path, module in modules(package)
        for name in sorted(imports(path, module))
        if is_forbidden(name)
    ]


@pytest.mark.parametrize("app", APPS)
def test_apps_import_each_other_in_one_direction(app):
    others = set(APPS) - MAY_IMPORT[app] - {app}

    def is_forbidden(name):
        return is_in(name, others) or (is_in(name, ["mlplatform"]) and not is_in(name, SHARED))

    assert offences(app, is_forbidden) == []


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("layer", ["operations", "models"])
def test_operations_and_models_know_nothing_of_the_web(app, layer):
    found = [
        f"{path.relative_to(BASE_DIR)} imports {name}"
        for path, module in modules(app)
        if module == f"{app}.{layer}" or module.startswith(f"{app}.{layer}.")
        for name in imports(path, module)
        if is_in(name, WEB)
    ]

    assert found == []


@pytest.mark.parametrize("package", PURE)
def test_pure_packages_would_run_in_a_notebook(package):
    def is_forbidden(name):
        is_ours = is_in(name, [*APPS, "mlplatform"])
        return is_in(name, ["django", "rest_framework"]) or (
            is_ours and not is_in(name, [*MAY_BUILD_ON[package], "mlplatform.core.errors"])
        )

    assert offences(package, is_forbidden) == []


@pytest.mark.parametrize("app", APPS)
def test_another_app_is_used_through_its_operations_and_never_by_writing_its_rows(app):
    writes = {"create", "bulk_create", "update", "bulk_update", "save", "get_or_create", "update_or_create"}
    foreign_rows = {"LedgerEntry": "billing", "IdempotencyKey": "billing"}
    found = []
    for path, _ in modules(app):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in writes
            ):
                owner = node.func.value
                while isinstance(owner, ast.Attribute | ast.Call):
                    owner = owner.func if isinstance(owner, ast.Call) else owner.value
                if isinstance(owner, ast.Name) and foreign_rows.get(owner.id, app) != app:
                    found.append(f"{path.relative_to(BASE_DIR)}:{node.lineno} writes {owner.id}")

    assert found == []


def test_the_rules_find_an_offence_where_there_is_one(tmp_path):
    module = tmp_path / "offender.py"
    module.write_text(
        "def f():\n    from ..views import page\n    import sklearn.tree\n    from billing import models\n"
    )

    names = imports(module, "mlmodels.operations.offender")

    assert names == {"mlmodels.views.page", "sklearn.tree", "billing.models"}


def loaded_by(code: str, tmp_path) -> set[str]:
    """The learning libraries that a fresh process has in memory after running the code."""
    code += f"\nimport sys; print(*[name for name in {HEAVY} if name in sys.modules])"
    environment = {
        "DJANGO_SETTINGS_MODULE": "mlplatform.settings",
        "DATA_DIR": str(tmp_path),
        "SECRET_KEY": "x" * 50,
    }
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    return set(ended.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "command",
    ["grant_tokens", "verify_ledger", "recover_runs", "prune_predictions", "quickstart", "migrate"],
)
def test_commands_that_learn_nothing_load_no_learning_library(command, tmp_path):
    code = f"""
import django; django.setup()
from django.core import checks, management
app = management.get_commands()[{command!r}]
management.load_command_class(app, {command!r})
checks.run_checks()
"""

    assert loaded_by(code, tmp_path) == set()


def test_the_web_process_starts_without_a_learning_library(tmp_path):
    assert loaded_by("import mlplatform.wsgi, mlplatform.urls", tmp_path) == set()


def test_trainers_and_tables_describe_themselves_without_a_learning_library(tmp_path):
    assert loaded_by("import mlmodels.learning.trainers, mlmodels.learning.tables", tmp_path) == set()
