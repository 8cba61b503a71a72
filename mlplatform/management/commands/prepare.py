from django.core.management import call_command

from mlplatform.core import commands
from mlplatform.static_files import collect_when_changed


class Command(commands.Command):
    help = "Updates database and static files, and creates the administrator of ADMIN_EMAIL if there is none."
    epilog = """
Run it once per release, before web servers and workers start, on every machine that has its own DATA_DIR. It
can be repeated: what is up to date stays as it is.

exit codes:
  0  everything is up to date
  1  a step failed; the error is printed
  2  wrong usage
"""

    requires_system_checks = []  # they would load every view

    def handle(self, **options):
        call_command("migrate", verbosity=0, interactive=False)
        collect_when_changed()
        call_command("ensure_administrator")
