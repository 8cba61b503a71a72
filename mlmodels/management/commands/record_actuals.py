from pathlib import Path

from django.core.management.base import CommandError

from mlmodels.operations.actuals import record_actuals
from mlplatform.core import commands
from mlplatform.core.commands import find_user


class Command(commands.Command):
    help = "Records the actual values of stored predictions, to compare the model's answers with them. Free."
    epilog = """
The CSV has two columns: prediction, with the id of a prediction, and actual, with its actual value. A value
can be recorded again, and the last one counts. The Monitoring page of a model shows how it compares.

exit codes:
  0  all recorded
  1  some rows could not be used, and are named; the others are recorded
  2  wrong usage
  3  there is no such user

examples:
  manage.py record_actuals sold.csv --owner alice@example.com
"""

    def add_arguments(self, parser):
        parser.add_argument("csv", type=Path, help="CSV file with the columns prediction and actual")
        parser.add_argument("--owner", required=True, metavar="EMAIL", help="user whose predictions they are")

    def handle(self, *, csv, owner, **options):
        owner = find_user(owner)
        try:
            with csv.open("rb") as table:
                found = record_actuals(owner=owner, table=table)
        except OSError as error:
            raise CommandError(f"{csv} cannot be read: {error.strerror}.") from error
        self.stdout.write(found.sentence)
        if found.refused:
            raise CommandError("\n".join(found.reasons))
