"""The refusals of accounts."""

from accounts import limits
from mlplatform.core import errors
from mlplatform.core.text import plural


class EmailTaken(errors.InvalidInput):
    code = "address_taken"
    message = "This e-mail address is already taken. Log in, or reset your password."
    field = "email"


class InvalidEmail(errors.InvalidInput):
    code = "invalid_address"
    message = "Enter a valid e-mail address, such as name@example.com."
    field = "email"


class WeakPassword(errors.InvalidInput):
    code = "weak_password"


class WrongEmail(errors.InvalidInput):
    code = "wrong_address"
    message = "The user with this id has another e-mail address. Check both."
    field = "email"


class ResetLinkRefused(errors.InvalidInput):
    """The link was used, has expired, or belongs to another user or none: the answer is the same."""

    code = "reset_link_refused"
    message = "This link has expired. Request a new one."
    field = "token"


class PasswordChangedMeanwhile(errors.Conflict):
    code = "password_changed_meanwhile"
    message = "The password was changed a moment ago. Log in with the new one."


class WrongCredentials(errors.NotSignedIn):
    code = "wrong_credentials"
    message = "E-mail address and password do not match an active account."


class SignInNeeded(errors.NotSignedIn):
    """A new password for an e-mail address, with nothing that proves whose it is."""

    code = "sign_in_needed"
    message = "Log in to set a new password, or send the e-mail address alone to get a reset link by e-mail."


class LockedOut(errors.TooManyRequests):
    code = "locked_out"

    def __init__(self, retry_after_seconds):
        wait = plural(max(1, round(retry_after_seconds / 60)), "minute")
        message = f"Too many wrong passwords. Try again in {wait}, or reset your password."
        super().__init__(message, retry_after_seconds=retry_after_seconds)


class OtherUsersAccount(errors.Forbidden):
    message = "You can set the password of your own account only."
    field = "email"


class AdministratorsOnly(errors.Forbidden):
    message = "Only administrators may do this."


class NotWithKey(errors.Forbidden):
    message = "A key may not do this. Use an access token, or the pages of this site."


class CannotRemoveYourself(errors.Forbidden):
    code = "cannot_remove_yourself"
    message = "You cannot remove your own account. Ask another administrator."


class LastAdministrator(errors.Conflict):
    code = "last_administrator"
    message = "You are the only administrator. Make another user an administrator first."


class UserNotFound(errors.NotFound):
    message = "User not found."


class InvalidKeyName(errors.InvalidInput):
    code = "invalid_key_name"
    message = (
        f"Give the key a name of 1 to {limits.KEY_NAME_CHARACTERS_MAX} characters, such as what will use it."
    )
    field = "name"


class KeyExpiryInThePast(errors.InvalidInput):
    code = "key_expiry_in_the_past"
    message = "Choose a time in the future, or leave it out for a key that does not expire."
    field = "expires_at"


class TooManyKeys(errors.Conflict):
    code = "too_many_keys"
    message = f"You have {limits.OPEN_KEYS_MAX} keys, the most allowed. Revoke one that you no longer need."


class TooManyNewKeys(errors.TooManyRequests):
    code = "too_many_new_keys"

    def __init__(self):
        created = f"{limits.NEW_KEYS_PER_DAY_MAX} keys within a day"
        message = f"You have created {created}, the most allowed. Try again tomorrow."
        super().__init__(message, retry_after_seconds=86_400)
