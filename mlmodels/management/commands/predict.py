import json
import os
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from django.core.management.base import CommandError

from mlmodels.models import TrainedModel
from mlmodels.operations import predictions
from mlplatform.core import commands
from mlplatform.core.csv_export import write_csv
from mlplatform.core.text import plural


class Command(commands.Command):
    help = "Predicts one row, or every row of a CSV file, with a trained model."
    epilog = """
The owner of the model pays per row. A file is predicted as a whole or not at all: if a row is invalid, the
error names it, nothing is charged and no file is written. The output is written to .NAME.part before the
owner is charged, and renamed afterwards. Cells that a spreadsheet would read as a formula are prefixed with
an apostrophe.

exit codes:
  0  predicted and charged
  1  refused; nothing was charged
  2  wrong usage
  4  charged and stored, but the output could not be renamed; it is in .NAME.part

examples:
  manage.py predict 1_houses --row '{"size": 100, "rooms": 4}'
  manage.py predict 1_houses --csv new.csv --out answered.csv
"""

    def add_arguments(self, parser):
        parser.add_argument("model", help="name of the model")
        rows = parser.add_mutually_exclusive_group(required=True)
        rows.add_argument("--row", metavar="JSON", help="one row as an object of column names and values")
        rows.add_argument("--csv", type=Path, help="CSV file with the model's columns; others are copied")
        parser.add_argument("--out", type=Path, help="CSV file to write; it must not exist yet")
        parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")

    def handle(self, *, model, row, csv, out, yes, **options):
        model = find_model(model)
        if row is not None:
            prediction = predictions.predict(owner=model.owner, model=model, features=parse_row(row))
            self.stdout.write(json.dumps(prediction.output, ensure_ascii=False))
        elif out is None:
            raise CommandError("Pass --out with the path of the output file.")
        else:
            self.predict_file(model, csv, out, is_confirmed=yes)

    def predict_file(self, model, source, target, *, is_confirmed):
        rows, row_numbers = read(source)
        question = f"Predicting {plural(len(rows), 'row')} costs {price_in_words(len(rows))}."
        commands.confirm(question, is_confirmed=is_confirmed, output=self.stdout)
        with new_file(target) as write:
            answers = predictions.predict_rows(
                owner=model.owner,
                model=model,
                rows=rows,
                row_numbers=row_numbers,
                on_answered=lambda answers: write(*predictions.answers_of(rows, answers)),
            )
        self.stdout.write(
            f"Predicted {plural(len(answers), 'row')} for {price_in_words(len(answers))}: {target}"
        )


def find_model(name: str) -> TrainedModel:
    model = TrainedModel.objects.select_related("owner").answering_to(name).first()
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


def read(source: Path) -> tuple[list[dict], list[int]]:
    try:
        with source.open("rb") as handle:
            return predictions.read_batch(handle)
    except OSError as error:
        raise CommandError(f"{source} cannot be read: {error.strerror}.") from error


@contextmanager
def new_file(path: Path):
    """Yields a function that writes header and rows to disk. The file gets its name when the block ends.

    If the block raises, no file remains.
    """
    part = path.with_name(f".{path.name}.part")
    with ExitStack() as created:
        create(path, created)
        yield lambda header, rows: create(part, created, header, rows)
        created.pop_all()
    try:
        os.replace(part, path)
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise CommandError(
            f"The predictions are charged and stored, but {path} cannot be written: {error.strerror}. "
            f"They are in {part}.",
            returncode=4,
        ) from error


def create(path: Path, created: ExitStack, *table) -> None:
    """Creates a file, empty or with header and rows, and registers its removal. Refuses an existing file."""
    try:
        with path.open("x", encoding="utf-8", newline="") as handle:
            created.callback(path.unlink)
            if table:
                write_csv(handle, *table)
                handle.flush()
                os.fsync(handle.fileno())
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}. Nothing was charged.") from error


def price_in_words(rows: int) -> str:
    return plural(predictions.price_of(rows), "token")
