from django.core.management import CommandError
from django.db import OperationalError, ProgrammingError

from billing.verify import ROWS_SHOWN_MAX, Failure, verify_ledger
from mlplatform.core import commands
from mlplatform.core.errors import StorageUnavailable
from mlplatform.core.text import plural


class Command(commands.Command):
    help = (
        "Checks that every balance is the sum of its ledger entries, that every charge paid for a model or "
        "a prediction or was refunded, and that no entry can be changed. It writes nothing."
    )
    epilog = f"""
exit codes:
  0  the ledger adds up
  1  rows are wrong; the first {ROWS_SHOWN_MAX} of each check are printed, with the number of all
  3  the database or the storage of files does not answer
"""

    def add_arguments(self, parser):
        checks, differences = "[{check, claim, count}, …]", "[{check, claim, row}, …]"
        shape = f"{{is_correct, count, checks: {checks}, differences: {differences}}}"
        commands.add_json_option(parser, shape)

    def handle(self, *, json, **options):
        try:
            failures = verify_ledger()
        except (OperationalError, ProgrammingError) as error:  # the latter without tables, on PostgreSQL
            raise CommandError(f"The database does not answer: {error}", returncode=3) from error
        except StorageUnavailable as error:
            raise CommandError(str(error), returncode=3) from error
        self.stdout.write(as_json(failures) if json else as_text(failures))
        if failures:
            wrong = plural(count_rows(failures), "wrong row")
            raise CommandError(f"The ledger does not add up: {wrong}.", returncode=1)


def as_json(failures: list[Failure]) -> str:
    report = {
        "is_correct": not failures,
        "count": count_rows(failures),
        "checks": [{"check": one.check, "claim": one.claim, "count": one.count} for one in failures],
        "differences": [
            {"check": one.check, "claim": one.claim, "row": row} for one in failures for row in one.rows
        ],
    }
    return commands.as_json(report)


def as_text(failures: list[Failure]) -> str:
    if not failures:
        return "The ledger adds up."
    lines = []
    for failure in failures:
        lines.append(f"FAILED: {failure.claim} ({plural(failure.count, 'row')})")
        lines += ["  " + "  ".join(f"{name}={value}" for name, value in row.items()) for row in failure.rows]
        if failure.count > len(failure.rows):
            lines.append(f"  … and {failure.count - len(failure.rows):,} more")
    return "\n".join(lines)


def count_rows(failures: list[Failure]) -> int:
    return sum(failure.count for failure in failures)
