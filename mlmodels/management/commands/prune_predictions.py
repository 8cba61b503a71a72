from argparse import ArgumentTypeError
from datetime import timedelta

from django.core.management.base import CommandError
from django.db import OperationalError
from django.utils import timezone

from billing.management.commands.grant_tokens import find_user
from mlmodels.operations import predictions
from mlplatform.core import commands
from mlplatform.core.commands import ProgressBar

DAYS_MAX = 36_500


class Command(commands.Command):
    help = "Erases the contents of old predictions, such as personal data that is no longer needed."
    epilog = """
What was asked and what was answered goes, and cannot be undone. That there was a prediction, when, with
which model and for how many tokens stays, because the ledger refers to it: balances do not change, and
verify_ledger finds nothing. Models stay too. It works in batches next to a running server; stopped halfway,
run it again.

exit codes:
  0  erased, or there was nothing to erase; with --dry-run: counted
  1  the database stopped answering; what was erased until then stays erased
  2  wrong usage
  3  there is no such user

examples:
  manage.py prune_predictions --older-than 90 --dry-run
  manage.py prune_predictions --older-than 90
  manage.py prune_predictions --older-than 1 --owner alice@example.com
"""

    def add_arguments(self, parser):
        parser.add_argument(
            "--older-than",
            type=days,
            required=True,
            metavar="DAYS",
            help="erase predictions that were made more than this many days ago, 1 or more",
        )
        parser.add_argument("--owner", metavar="EMAIL", help="only those of this user; default: of everybody")
        parser.add_argument("--dry-run", action="store_true", help="say how many it would be, erase nothing")

    def handle(self, *, older_than, owner, dry_run, **options):
        before = timezone.now() - timedelta(days=older_than)
        age = f"from before {before:%Y-%m-%d %H:%M} UTC."
        try:
            owner = find_user(owner) if owner else None
            count = predictions.prunable_predictions(before=before, owner=owner).count()
            if dry_run:
                self.stdout.write(f"{count_predictions(count)} would be erased, {age}")
                return
            erased = self.prune(count, before, owner)
        except OperationalError as error:
            raise CommandError(f"The database does not answer; run it again. ({error})") from error
        self.stdout.write(f"{count_predictions(erased)} erased, {age}")

    def prune(self, count, before, owner) -> int:
        bar = ProgressBar(self.stdout)

        def show(erased):
            bar.show(erased / max(count, erased), f"{erased:,} of {max(count, erased):,} erased")

        try:
            return predictions.prune_predictions(before=before, owner=owner, on_progress=show)
        finally:
            bar.close()


def days(text: str) -> int:
    number = int(text)
    if not 1 <= number <= DAYS_MAX:
        raise ArgumentTypeError(f"give 1 to {DAYS_MAX:,} days")
    return number


def count_predictions(number: int) -> str:
    return "1 prediction" if number == 1 else f"{number:,} predictions"
