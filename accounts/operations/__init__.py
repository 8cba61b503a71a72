"""The verbs of accounts. Keywords only; each owns its transaction and raises what `accounts.errors` names."""

from accounts.operations.passwords import (
    change_password,
    email_for_reset,
    end_other_sessions,
    request_password_reset,
    reset_password_with_token,
)
from accounts.operations.sign_in import check_credentials, clear_expired, sign_in
from accounts.operations.users import (
    ensure_administrator,
    grant_by_card,
    grant_tokens,
    leave,
    register,
    remove_user,
)

__all__ = [
    "email_for_reset",
    "end_other_sessions",
    "leave",
    "change_password",
    "check_credentials",
    "clear_expired",
    "ensure_administrator",
    "grant_by_card",
    "grant_tokens",
    "register",
    "remove_user",
    "request_password_reset",
    "reset_password_with_token",
    "sign_in",
]
