from django.conf import settings
from django.core.management.base import CommandError

from accounts.models import User
from accounts.operations.users import ensure_administrator
from mlplatform.core import commands
from mlplatform.core.errors import DomainError


class Command(commands.Command):
    help = "Creates the administrator of ADMIN_EMAIL and ADMIN_PASSWORD unless there is one. For every start."
    epilog = """
exit codes:
  0  created, or there is one already, or ADMIN_EMAIL or ADMIN_PASSWORD is not set; if one of them is, the
     other is named
  1  refused: ADMIN_EMAIL is not a valid e-mail address
  2  wrong usage
"""

    def handle(self, **options):
        try:
            administrator = ensure_administrator(email=settings.ADMIN_EMAIL, password=settings.ADMIN_PASSWORD)
        except DomainError as refusal:
            raise CommandError(f"ADMIN_EMAIL: {refusal}") from refusal
        if administrator:
            self.stdout.write(f"{administrator.email} is the administrator.")
        elif missing := what_is_missing():
            self.stderr.write(f"No administrator was created: {missing} is not set.")


def what_is_missing() -> str:
    """The name of the one variable that is not set, if there is no administrator."""
    not_set = [name for name in ("ADMIN_EMAIL", "ADMIN_PASSWORD") if not getattr(settings, name)]
    return not_set[0] if len(not_set) == 1 and not User.objects.administrators().exists() else ""
