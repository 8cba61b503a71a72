from django.core import checks

from billing import triggers


def check_ledger_is_append_only(databases=None, **kwargs):
    """Warnings, since an error would stop the `migrate` that installs the triggers again."""
    if not databases or not triggers.has_table():
        return []
    return [
        checks.Warning(
            f"Ledger entries can be changed: {name} is missing.",
            hint="Run `manage.py migrate`, which installs the triggers again.",
            id="billing.W001",
        )
        for name in triggers.missing()
    ]
