"""Reads documents, and the variables that the settings read."""

import ast

from mlplatform.settings import BASE_DIR

NO_DEFAULT = object()


def text_of(name: str) -> str:
    return (BASE_DIR / name).read_text()


def table_rows(text: str) -> dict[str, list[str]]:
    """The table rows that begin in backticks, by that name: their other cells, without backticks."""
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if "|" in line
    ]
    return {
        first.strip("`"): [cell.strip("`") for cell in others]
        for first, *others in rows
        if first.startswith("`")
    }


def variables_of_settings() -> dict[str, object]:
    """Each variable that the settings read, with its default where that is written out."""
    calls = [node for node in ast.walk(ast.parse(text_of("mlplatform/settings.py"))) if is_env_call(node)]
    return {call.args[0].value: default_of(call) for call in calls}


def is_env_call(node) -> bool:
    """`env("NAME", …)` or `env.int("NAME", …)`."""
    if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
        return False
    reader = node.func.value if isinstance(node.func, ast.Attribute) else node.func
    return isinstance(reader, ast.Name) and reader.id == "env"


def default_of(call: ast.Call):
    default = next((word.value for word in call.keywords if word.arg == "default"), None)
    return default.value if isinstance(default, ast.Constant) else NO_DEFAULT
