from django.core.management import BaseCommand, call_command

from billing.management.formatting import KeepLines
from mlplatform.static_files import collect_when_changed

EPILOG = """
Once per release, before web servers and workers start, and on every machine with a DATA_DIR of its own. It
may be repeated: what is up to date stays as it is.

exit codes:
  0  everything is up to date
  1  a step failed; its message is printed
  2  wrong usage
"""


class Command(BaseCommand):
    help = "Brings database and static files up to date, and makes the administrator of ADMIN_EMAIL."

    requires_system_checks = []  # they would load every view

    def create_parser(self, *args, **kwargs):
        return super().create_parser(*args, epilog=EPILOG, formatter_class=KeepLines, **kwargs)

    def handle(self, **options):
        call_command("migrate", verbosity=0, interactive=False)
        collect_when_changed()
        call_command("ensure_administrator")
