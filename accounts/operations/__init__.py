"""The verbs of accounts. Keywords only; each owns its transaction and raises what `accounts.errors` names."""

from accounts.operations.passwords import (
    change_password,
    email_for_reset,
    end_other_sessions,
    request_password_reset,
    reset_password_with_token,
)
from accounts.operations.sign_in import check_credentials, sign_in
from accounts.operations.users import ensure_administrator, grant_by_card, leave, register, remove_user

__all__ = [
    "email_for_reset",
    "end_other_sessions",
    "leave",
    "change_password",
    "check_credentials",
    "ensure_administrator",
    "grant_by_card",
    "register",
    "remove_user",
    "request_password_reset",
    "reset_password_with_token",
    "sign_in",
]
