from django.conf import settings
from django.core import checks

from billing import triggers
from mlplatform.core.webhook_signatures import key_of


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


def check_webhook_secret(**kwargs):
    if not settings.TOKENS_WEBHOOK_SECRET:
        return []
    try:
        key_of(settings.TOKENS_WEBHOOK_SECRET)
    except ValueError as error:
        hint = 'Make one with: echo "whsec_$(openssl rand -base64 32)"'
        return [checks.Error(f"TOKENS_WEBHOOK_SECRET: {error}", hint=hint, id="billing.E001")]
    return []
