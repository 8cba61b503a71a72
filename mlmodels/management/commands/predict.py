import json
import os
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

from django.core.management.base import CommandError

from billing.operations import count_tokens
from mlmodels.models import TrainedModel
from mlmodels.operations import predictions
from mlplatform.core import commands
from mlplatform.core.csv_export import write_csv
from mlplatform.core.errors import DomainError


class Command(commands.Command):
    help = "Predicts one row, or every row of a CSV file, with a trained model."
    epilog = """
The owner of the model pays per row. A table is answered as a whole or not at all: a row that cannot be used
is named, and then nothing is charged and no file is written. The answers are on the disk before they are
paid, as .NAME.part beside the table, and get its name afterwards. Cells that a spreadsheet would take for a
formula get an apostrophe in front.

exit codes:
  0  predicted and charged
  1  refused; nothing was charged
  2  wrong usage
  4  paid and stored, but the table could not be given its name; its answers are in .NAME.part

examples:
  manage.py predict 1_houses --row '{"size": 100, "rooms": 4}'
  manage.py predict 1_houses --csv new.csv --out answered.csv
"""

    def add_arguments(self, parser):
        parser.add_argument("model", help="name of the model")
        rows = parser.add_mutually_exclusive_group(required=True)
        rows.add_argument("--row", metavar="JSON", help="one row: an object of column names and values")
        rows.add_argument(
            "--csv", type=Path, help="a table with the columns of the model; others are passed through"
        )
        parser.add_argument("--out", type=Path, help="where the answered table goes; it must not exist yet")
        parser.add_argument("--yes", action="store_true", help="do not ask before many rows are charged")

    def handle(self, *, model, row, csv, out, yes, **options):
        model = find_model(model)
        try:
            if row is not None:
                self.predict_row(model, row)
            else:
                self.predict_table(model, csv, out, yes)
        except DomainError as refusal:
            raise CommandError(str(refusal)) from refusal

    def predict_row(self, model, text):
        answer = predictions.predict(owner=model.owner, model=model, features=parse_row(text))
        self.stdout.write(json.dumps(answer.output, ensure_ascii=False))

    def predict_table(self, model, source, target, is_agreed):
        if target is None:
            raise CommandError("Say with --out where the answered table goes.")
        batch = read(source)
        self.confirm(len(batch.rows), is_agreed)
        with NewTable(target) as table:
            answers = predictions.predict_batch(
                owner=model.owner,
                model=model,
                batch=batch,
                on_answered=lambda answers: table.write(*predictions.answers_of(batch, answers)),
            )
        self.stdout.write(f"{len(answers):,} rows predicted for {price_in_words(len(answers))}: {target}")

    def confirm(self, rows, is_agreed):
        question = f"{rows:,} rows cost {price_in_words(rows)}."
        if is_agreed:
            self.stdout.write(question)
        elif not sys.stdin.isatty():
            raise CommandError(f"{question} Say --yes to go on.")
        elif input(f"{question} Go on? [y/N] ").strip().lower() not in ("y", "yes"):
            raise CommandError("Nothing was charged.")


def find_model(name: str) -> TrainedModel:
    model = TrainedModel.objects.select_related("owner").filter(name=name).first()
    if model is None:
        raise CommandError(f'There is no model called "{name}".')
    return model


def parse_row(text: str) -> dict:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CommandError(f"--row is not JSON: {error}.") from error
    if not isinstance(row, dict):
        raise CommandError('--row takes an object, such as {"size": 100}.')
    return row


def read(source: Path) -> predictions.Batch:
    try:
        with source.open("rb") as handle:
            return predictions.read_batch(handle)
    except OSError as error:
        raise CommandError(f"{source} cannot be read: {error.strerror}.") from error


class NewTable:
    """A file whose rows are written before they are paid, and which gets its name once they are.

    Used as a context. When what it surrounds is refused, nothing of it stays.
    """

    def __init__(self, path: Path):
        self._path = path
        self._part = path.with_name(f".{path.name}.part")
        self._made = ExitStack()

    def __enter__(self) -> "NewTable":
        self._create(self._path)
        return self

    def write(self, header: list[str], rows: list[list]) -> None:
        self._create(self._part, header, rows)

    def __exit__(self, kind, error, trace) -> None:
        if kind is not None:
            self._made.close()
            return
        try:
            os.replace(self._part, self._path)
        except OSError as failed:
            with suppress(OSError):
                self._path.unlink()
            raise CommandError(
                f"The predictions are paid and stored, and {self._path} cannot be written: "
                f"{failed.strerror}. The answered table is in {self._part}.",
                returncode=4,
            ) from failed

    def _create(self, path: Path, *table) -> None:
        """A new file, empty or with a header and rows: one that was there before stays as it is."""
        try:
            with path.open("x", encoding="utf-8", newline="") as handle:
                self._made.callback(path.unlink)
                if table:
                    write_csv(handle, *table)
                    handle.flush()
                    os.fsync(handle.fileno())
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}. Nothing was charged.") from error


def price_in_words(rows: int) -> str:
    return count_tokens(predictions.price_of(rows))
