"""What all management commands share: help that keeps its lines, refusals, progress on a terminal."""

import argparse

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, DjangoHelpFormatter

from mlplatform.core.errors import DomainError

BAR_CHARACTERS = 30


class KeepLines(DjangoHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Prints the text under the options as it is written, such as a table of exit codes."""


class Command(BaseCommand):
    """A subclass says in `epilog` which exit codes it has. A refusal ends it with exit code 1."""

    epilog = ""

    def create_parser(self, *args, **kwargs):
        return super().create_parser(*args, epilog=self.epilog, formatter_class=KeepLines, **kwargs)

    def execute(self, *args, **options):
        try:
            return super().execute(*args, **options)
        except DomainError as refusal:
            raise CommandError(str(refusal)) from refusal


def find_user(email: str):
    """The user of this e-mail address, in any case; exit code 3 without one."""
    users = get_user_model()
    try:
        return users.objects.get_by_natural_key(email)
    except users.DoesNotExist:
        raise CommandError(f"There is no user with the e-mail address {email}.", returncode=3) from None


class ProgressBar:
    """One line that is drawn again and again on a terminal; elsewhere one line for each new note."""

    def __init__(self, output):
        self._output = output
        self._is_terminal = output.isatty()
        self._last = None

    def show(self, share: float, note: str) -> None:
        now = (share, note) if self._is_terminal else note
        if now == self._last or not note:
            return
        self._last = now
        if self._is_terminal:
            filled = round(share * BAR_CHARACTERS)
            bar = "█" * filled + "·" * (BAR_CHARACTERS - filled)
            self._output.write(f"\r{bar} {share:4.0%} {note[:60]:<60}", ending="")
            self._output.flush()
        else:
            self._output.write(note)

    def close(self) -> None:
        if self._is_terminal and self._last:
            self._output.write("")


def figure(value) -> str:
    """A measured number as people read it."""
    if not isinstance(value, int | float):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def figures_table(metrics: dict, baseline: dict) -> list[str]:
    """Lines with each metric of the model next to the baseline's."""
    rows = [("", "model", "baseline")]
    rows += [(name, figure(value), figure(baseline.get(name))) for name, value in metrics.items()]
    return [f"{name:<22} {of_model:>14} {of_baseline:>14}" for name, of_model, of_baseline in rows]
