"""Everything that is kept about a user, in plain data."""

from django.conf import settings
from django.utils.module_loading import import_string


def everything_of(user) -> dict:
    """The account, and what each part in ACCOUNT_EXPORT_HOOKS keeps."""
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
