from django.core.management import call_command

from mlplatform.core import commands
from mlplatform.static_files import collect_when_changed


class Command(commands.Command):
    help = "Brings database and static files up to date, and makes the administrator of ADMIN_EMAIL."
    epilog = """
Once per release, before web servers and workers start, and on every machine with a DATA_DIR of its own. It
may be repeated: what is up to date stays as it is.

exit codes:
  0  everything is up to date
  1  a step failed; its message is printed
  2  wrong usage
"""

    requires_system_checks = []  # they would load every view

    def handle(self, **options):
        call_command("migrate", verbosity=0, interactive=False)
        collect_when_changed()
        call_command("ensure_administrator")
