from argparse import ArgumentTypeError
from datetime import timedelta

from django.core.management.base import CommandError
from django.db import OperationalError
from django.utils import timezone

from mlmodels.operations import predictions
from mlplatform.core import commands
from mlplatform.core.commands import find_user, progress_bar
from mlplatform.core.text import plural

DAYS_MAX = 36_500


class Command(commands.Command):
    help = "Erases the inputs and results of old predictions, such as personal data that is no longer needed."
    epilog = """
This cannot be undone. The record of each prediction (time, model and tokens) stays, because the ledger
refers to it: balances do not change, and verify_ledger finds nothing. Models stay too. Predictions are
erased in batches, next to a running server. If the command is interrupted, run it again.

exit codes:
  0  erased, or nothing to erase; with --dry-run: counted
  1  the database stopped responding; predictions erased so far stay erased
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
            help="erase predictions made more than this many days ago, 1 or more",
        )
        parser.add_argument(
            "--owner", metavar="EMAIL", help="only predictions of this user; default: all users"
        )
        parser.add_argument("--dry-run", action="store_true", help="count the predictions, erase nothing")
        commands.add_json_option(parser, "{erased, is_dry_run, before}, the number of predictions")

    def handle(self, *, older_than, owner, dry_run, json, **options):
        before = timezone.now() - timedelta(days=older_than)
        try:
            owner = find_user(owner) if owner else None
            erased = predictions.prunable_predictions(before=before, owner=owner).count()
            if not dry_run:
                erased = self.prune(erased, before, owner, self.stderr if json else self.stdout)
        except OperationalError as error:
            raise CommandError(f"The database is not responding. Run the command again. ({error})") from error
        if json:
            report = {"erased": erased, "is_dry_run": dry_run, "before": before}
            self.stdout.write(commands.as_json(report))
        else:
            verb = "would be erased" if dry_run else "erased"
            self.stdout.write(
                f"{plural(erased, 'prediction')} {verb}, from before {before:%Y-%m-%d %H:%M} UTC."
            )

    def prune(self, count, before, owner, output) -> int:
        with progress_bar(output) as show:
            return predictions.prune_predictions(
                before=before,
                owner=owner,
                on_progress=lambda erased: show(
                    erased / max(count, erased), f"{erased:,} of {max(count, erased):,} erased"
                ),
            )


def days(text: str) -> int:
    number = int(text)
    if not 1 <= number <= DAYS_MAX:
        raise ArgumentTypeError(f"give 1 to {DAYS_MAX:,} days")
    return number
