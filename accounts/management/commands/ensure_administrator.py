from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.operations import ensure_administrator
from mlplatform.errors import DomainError


class Command(BaseCommand):
    help = (
        "Makes the administrator of ADMIN_EMAIL and ADMIN_PASSWORD, unless there is one. For every start-up."
    )

    def handle(self, **options):
        try:
            made = ensure_administrator(email=settings.ADMIN_EMAIL, password=settings.ADMIN_PASSWORD)
        except DomainError as refusal:
            raise CommandError(f"ADMIN_EMAIL: {refusal}") from refusal
        if made:
            self.stdout.write(f"{made.email} is the administrator.")
