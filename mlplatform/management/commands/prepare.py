from django.core.management import BaseCommand, call_command

from mlplatform.static_files import collect_when_changed


class Command(BaseCommand):
    help = "Brings database and static files up to date, and makes the administrator of ADMIN_EMAIL."

    requires_system_checks = []  # they would load every view

    def handle(self, **options):
        call_command("migrate", verbosity=0, interactive=False)
        collect_when_changed()
        call_command("ensure_administrator")
