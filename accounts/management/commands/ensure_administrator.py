from django.conf import settings
from django.core.management.base import CommandError

from accounts.operations import ensure_administrator
from mlplatform.core import commands
from mlplatform.core.errors import DomainError


class Command(commands.Command):
    help = (
        "Makes the administrator of ADMIN_EMAIL and ADMIN_PASSWORD, unless there is one. For every start-up."
    )
    epilog = """
exit codes:
  0  made, or there is one already, or ADMIN_EMAIL is not set
  1  refused: ADMIN_EMAIL is no address
  2  wrong usage
"""

    def handle(self, **options):
        try:
            made = ensure_administrator(email=settings.ADMIN_EMAIL, password=settings.ADMIN_PASSWORD)
        except DomainError as refusal:
            raise CommandError(f"ADMIN_EMAIL: {refusal}") from refusal
        if made:
            self.stdout.write(f"{made.email} is the administrator.")
