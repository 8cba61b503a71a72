"""Everything that is stored about a user, in plain data."""

from django.conf import settings
from django.utils.module_loading import import_string


def everything_of(user) -> dict:
    """The account, and the sections that ACCOUNT_EXPORT_HOOKS add, each an iterator of dicts."""
    data = {
        "account": {
            "email": user.email,
            "joined_at": user.joined_at.isoformat(),
            "token_balance": user.token_balance,
        }
    }
    for path in settings.ACCOUNT_EXPORT_HOOKS:
        data |= import_string(path)(owner=user)
    return data
