import json
from dataclasses import asdict
from itertools import groupby

from django.core.management import CommandError
from django.db import OperationalError

from billing.verify import verify_ledger
from mlplatform.core import commands


class Command(commands.Command):
    help = (
        "Checks that every balance is the sum of its ledger entries, that every charge was worth a model, a "
        "prediction or a refund, and that no entry can be changed. It writes nothing; run it at any time."
    )
    epilog = """
exit codes:
  0  the ledger adds up
  1  rows differ; they are printed
  3  the database does not answer
"""

    def add_arguments(self, parser):
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object: {is_correct, differences: […]}"
        )

    def handle(self, *, json, **options):
        try:
            differences = verify_ledger()
        except OperationalError as error:
            raise CommandError(f"The database does not answer: {error}", returncode=3) from error
        self.stdout.write(as_json(differences) if json else as_text(differences))
        if differences:
            rows = "1 row differs" if len(differences) == 1 else f"{len(differences)} rows differ"
            raise CommandError(f"The ledger does not add up: {rows}.", returncode=1)


def as_json(differences) -> str:
    rows = [asdict(difference) for difference in differences]
    return json.dumps({"is_correct": not rows, "differences": rows}, indent=2, default=str)


def as_text(differences) -> str:
    if not differences:
        return "The ledger adds up."
    lines = []
    for claim, rows in groupby(differences, key=lambda difference: difference.claim):
        lines.append(f"Not so: {claim}")
        lines += [f"  {describe(difference.row)}" for difference in rows]
    return "\n".join(lines)


def describe(row: dict) -> str:
    return "  ".join(f"{name}={value}" for name, value in row.items())
