"""Finds code that writes the rows of another app, or reaches rows of an app that it must not know."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from django.apps import apps

from mlplatform.settings import BASE_DIR

APPS = ("accounts", "billing", "mlmodels")
MAY_KNOW = {
    "accounts": {"accounts", "billing"},
    "billing": {"billing"},
    "mlmodels": {"mlmodels", "billing"},
}
WRITES = {"create", "bulk_create", "update", "bulk_update", "get_or_create", "update_or_create"} | {
    "save", "delete", "add", "remove", "set", "clear",
}  # fmt: skip
# How code calls a row of accounts.User without importing the class
USERS = {"user", "owner", "account", "get_user_model", "User"}
SQL_WRITE = re.compile(r"\b(?:INSERT INTO|UPDATE|DELETE FROM|TRUNCATE(?: TABLE)?)\s+\"?(\w+)", re.IGNORECASE)


def sources(package: str) -> list[Path]:
    """Each source file of a package, without tests and migrations."""
    found = sorted((BASE_DIR / package).rglob("*.py"))
    return [path for path in found if not {"tests", "migrations"} & set(path.relative_to(BASE_DIR).parts)]


def foreign_writes(source: str, app: str) -> list[str]:
    """`"3: ledger_entries.create"` for each write to a row of another app."""
    tree = ast.parse(source)
    return sorted({*orm_writes(tree, app), *sql_writes(tree, app)})


def orm_writes(tree: ast.Module, app: str) -> Iterator[str]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for scope in [tree, *functions]:
        variables = foreign_variables(scope, app)
        for node in ast.walk(scope):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                verb = node.func.attr.removeprefix("a") if node.func.attr != "add" else "add"
                origin = origin_of(node.func.value, variables)
                if verb in WRITES and origin and app_of(origin) != app:
                    yield f"{node.lineno}: {origin}.{node.func.attr}"


def sql_writes(tree: ast.Module, app: str) -> Iterator[str]:
    tables = {model._meta.db_table: model._meta.app_label for model in models()}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for table in SQL_WRITE.findall(node.value):
                if tables.get(table, app) != app:
                    yield f"{node.lineno}: SQL writes {table}"


def unknown_relations(source: str, app: str) -> list[str]:
    """`"3: training_runs"` for each related name of an app that this app must not know."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            name = node.attr
        elif isinstance(node, ast.keyword) and node.arg:
            name = node.arg.partition("__")[0]
        else:
            continue
        if related_names().get(name, app) not in MAY_KNOW[app]:
            found.append(f"{getattr(node, 'lineno', 0)}: {name}")
    return found


def foreign_variables(scope: ast.AST, app: str) -> dict[str, str]:
    """The variables of a scope that hold rows of another app, each with where they come from."""
    variables: dict[str, str] = {}
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.For | ast.comprehension):
            targets, value = [node.target], node.iter
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
            targets, value = [node.target], node.value
        else:
            continue
        origin = origin_of(value, variables)
        if origin and app_of(origin) != app:
            variables |= {target.id: origin for target in targets if isinstance(target, ast.Name)}
    return variables


def origin_of(node: ast.AST | None, variables: dict[str, str]) -> str | None:
    """The last model or related name in `a.b.filter(…).first()`, read from its end."""
    while node is not None:
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id.endswith("_or_404"):
                node = node.args[0]
            else:
                node = node.func
            continue
        name = getattr(node, "attr", None) or getattr(node, "id", None)
        if name in variables:
            return variables[name]
        if name and app_of(name):
            return name
        node = getattr(node, "value", None)
    return None


def app_of(name: str) -> str | None:
    if name in USERS:
        return "accounts"
    return model_names().get(name) or related_names().get(name)


@cache
def model_names() -> dict[str, str]:
    return {model.__name__: model._meta.app_label for model in models()}


@cache
def related_names() -> dict[str, str]:
    """`{"ledger_entries": "billing", …}`: the app whose rows a related name gives."""
    return {
        relation.get_accessor_name(): relation.related_model._meta.app_label
        for model in models()
        for relation in model._meta.related_objects
        if relation.related_model._meta.app_label in APPS
    }


def models() -> list:
    return [model for app in APPS for model in apps.get_app_config(app).get_models()]
