"""What all management commands share: help that keeps its lines, refusals, questions, progress, tables."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, DjangoHelpFormatter
from django.core.serializers.json import DjangoJSONEncoder
from django.db import OperationalError

from mlplatform.core.database_errors import outage_of
from mlplatform.core.errors import DomainError
from mlplatform.core.formats import figure
from mlplatform.core.origin import current_command

BAR_CHARACTERS = 30


class KeepLines(DjangoHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Prints the epilog as it is written, such as a table of exit codes."""


class Command(BaseCommand):
    """A refusal ends it with exit code 1, and so does an error of the database.

    Subclasses list their exit codes in `epilog`.
    """

    epilog = ""

    def create_parser(self, *args, **kwargs):
        return super().create_parser(*args, epilog=self.epilog, formatter_class=KeepLines, **kwargs)

    def execute(self, *args, **options):
        token = current_command.set(type(self).__module__.rpartition(".")[2])
        try:
            return super().execute(*args, **options)
        except DomainError as refusal:
            raise CommandError(str(refusal)) from refusal
        except OperationalError as error:
            said = "does not answer" if outage_of(error) else "refused"
            raise CommandError(f"The database {said}: {error}") from error
        finally:
            current_command.reset(token)


def add_json_option(parser, shape: str) -> None:
    """`--json`, for scripts; `shape` describes what is printed."""
    parser.add_argument("--json", action="store_true", help=f"print one JSON object: {shape}")


def as_json(report: dict) -> str:
    return json.dumps(report, indent=2, ensure_ascii=False, cls=DjangoJSONEncoder)


def confirm(question: str, *, is_confirmed: bool, output) -> None:
    """Asks on a terminal; elsewhere --yes has to be given. Ends the command if the answer is no."""
    if is_confirmed:
        output.write(question)
    elif not sys.stdin.isatty():
        raise CommandError(f"{question} Pass --yes to confirm.")
    elif input(f"{question} Continue? [y/N] ").strip().lower() not in ("y", "yes"):
        raise CommandError("Not confirmed: nothing was done.")


def aligned(rows: list[tuple]) -> list[str]:
    """Lines of a table whose columns stand below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def find_user(email: str):
    """The user with this e-mail address, in any case; exit code 3 if there is none."""
    users = get_user_model()
    try:
        return users.objects.get_by_natural_key(email)
    except users.DoesNotExist:
        raise CommandError(f"There is no user with the e-mail address {email}.", returncode=3) from None


@contextmanager
def progress_bar(output) -> Iterator[Callable[[float, str], None]]:
    """Yields `show(share, note)`: it redraws one line on a terminal, and prints each new note elsewhere."""
    is_terminal, shown = output.isatty(), None

    def show(share: float, note: str) -> None:
        nonlocal shown
        now = (share, note) if is_terminal else note
        if now == shown or not note:
            return
        shown = now
        if is_terminal:
            filled = round(share * BAR_CHARACTERS)
            bar = "█" * filled + "·" * (BAR_CHARACTERS - filled)
            output.write(f"\r{bar} {share:4.0%} {note[:60]:<60}", ending="")
            output.flush()
        else:
            output.write(note)

    try:
        yield show
    finally:
        if is_terminal and shown:
            output.write("")


def figures_table(metrics: dict, baseline: dict) -> list[str]:
    """Lines with each metric of the model next to the baseline's."""
    rows = [("", "model", "baseline")]
    rows += [(name, figure(value), figure(baseline.get(name))) for name, value in metrics.items()]
    return [f"{name:<22} {of_model:>14} {of_baseline:>14}" for name, of_model, of_baseline in rows]
