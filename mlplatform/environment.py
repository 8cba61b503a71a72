"""Environment variables, as the settings read them.

A value that cannot be used stops the start with one line that names the variable.
"""

import math
import warnings

import environ

FALSE = ("false", "off", "n", "no")
SQLITE = "django.db.backends.sqlite3"
POSTGRESQL = "django.db.backends.postgresql"


class Environment(environ.Env):
    """A variable that is set to nothing has its default, as one that is not set."""

    def get_value(self, var, cast=None, default=environ.Env.NOTSET, parse_default=False):
        """A leading $ refers to another variable only if there is one: passwords may begin with it too."""
        given = self.ENVIRON.get(var, "")
        if not given.strip() and default is not self.NOTSET:
            return default
        if given.startswith("$") and given.lstrip("$") not in self.ENVIRON:
            return self.parse_value(given, cast)
        return super().get_value(var, cast, default, parse_default)

    def int(self, var, default, *, at_least=0, at_most=math.inf):
        return self._number(var, int, default, "a whole number", at_least, at_most)

    def float(self, var, default, *, at_least=0):
        return self._number(var, float, default, "a number", at_least, math.inf)

    def _number(self, var, cast, default, what, at_least, at_most):
        text = self.get_value(var, default="").strip()
        try:
            number = cast(text) if text else default
        except ValueError:
            number = math.nan
        if not (at_least <= number <= at_most and math.isfinite(number)):
            limits = f", {at_least} or greater" if at_most == math.inf else f" from {at_least} to {at_most}"
            refuse(var, f"must be {what}{limits}, not {text!r}")
        return number

    def bool(self, var, default):
        text = self.get_value(var, default="").strip().lower()
        if text.isdecimal():
            return int(text) != 0
        if text and text not in (*self.BOOLEAN_TRUE_STRINGS, *FALSE):
            refuse(var, f"must be on or off, not {text!r}")
        return text in self.BOOLEAN_TRUE_STRINGS if text else default

    def choice(self, var, default, *, of):
        chosen = self(var, default=default)
        if chosen not in of:
            refuse(var, f"must be one of {', '.join(of)}, not {chosen!r}")
        return chosen

    def database(self, var, default: str):
        """`default` is the path of a SQLite database. Its address is not repeated: it has a password."""
        if not (address := self(var, default="")):
            return {"ENGINE": SQLITE, "NAME": default}
        with warnings.catch_warnings(action="ignore"):  # they repeat it
            try:
                database = self.db_url_config(address)
            except (ValueError, environ.ImproperlyConfigured):
                database = {}
        if database.get("ENGINE") not in (SQLITE, POSTGRESQL):
            refuse(var, "must be postgres://user:password@host:5432/name, or sqlite:///path")
        return database

    def mail(self, var, default):
        try:
            return self.email_url_config(self(var, default=default))
        except (ValueError, environ.ImproperlyConfigured):
            refuse(var, "must be an address such as smtp+tls://user:password@host:587")


def refuse(var: str, why: str):
    raise SystemExit(f"{var} {why}.")
