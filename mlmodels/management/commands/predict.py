import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.core.files import File
from django.core.management.base import CommandError

from mlmodels.limits import BATCH_KEPT_DAYS
from mlmodels.models import Batch, TrainedModel
from mlmodels.operations import batches, predictions
from mlmodels.worker.loop import follow
from mlplatform.core import commands
from mlplatform.core.errors import NotFound
from mlplatform.core.text import plural


class Command(commands.Command):
    help = "Predicts one row, or every row of a CSV file, with a trained model. Its owner pays."
    epilog = """
A row costs PREDICTION_TOKEN_COST. A file costs BATCH_TOKEN_COST per 1,000 readable rows, rounded up:
the command says the price and asks. Rows that cannot be read are not charged; they are in the output with
their reason. A running worker predicts the file; without one, this command does. Ctrl-C cancels it with a
refund.

The output is the file in its own format with columns appended. It is written to .NAME.part, and renamed once
it is whole. The page of the file keeps it for some days as well. Cells that a spreadsheet would read as a
formula are prefixed with an apostrophe.

exit codes:
  0  predicted and charged
  1  refused, as when no row can be read, and nothing was charged; or failed or cancelled, and refunded
  2  wrong usage
  4  predicted and charged, but the output cannot be written; the answer is on the page of the file

examples:
  manage.py predict 1_houses --row '{"size": 100, "rooms": 4}'
  manage.py predict 1_houses --csv new.csv --out predicted.csv
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
        with reserved(target) as part:
            with quote(model, source) as quoted:
                commands.confirm(question(quoted), is_confirmed=is_confirmed, output=self.stdout)
                batch = batches.start(batch=quoted)
            self.stdout.write(f"{plural(batch.cost_tokens, 'token')} charged for {batch.name}.")
            batch = self.wait_for(batch)
            save(batch, part, target)
        batches.delete_batch(batch=batch)  # its answer is on disk, and files that are kept are limited
        unread = f", {batch.unreadable_rows:,} not" if batch.unreadable_rows else ""
        self.stdout.write(f"Predicted {plural(batch.readable_rows, 'row')}{unread}: {target}")

    def wait_for(self, batch) -> Batch:
        with commands.progress_bar(self.stdout) as show:
            batch = follow(batch, show)
        if batch.status != Batch.Status.SUCCEEDED:
            raise CommandError(f"The batch {batch.status} and was refunded. {batch.error}".strip())
        return batch


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


@contextmanager
def quote(model: TrainedModel, source: Path) -> Iterator[Batch]:
    """Nothing is left of the quote if it is not started."""
    try:
        with source.open("rb") as handle:
            quoted = batches.quote(owner=model.owner, model=model, upload=File(handle), name=source.name)
    except OSError as error:
        raise CommandError(f"{source} cannot be read: {error.strerror}.") from error
    try:
        yield quoted
    except BaseException:
        with suppress(NotFound):  # expired while the question waited
            batches.delete_batch(batch=quoted)
        raise


def question(quoted: Batch) -> str:
    price = plural(quoted.cost_tokens, "token")
    words = f"Predicting {plural(quoted.readable_rows, 'row')} of {quoted.name} costs {price}."
    if quoted.unreadable_rows:
        first = quoted.faults[0]
        words += (
            f" {plural(quoted.unreadable_rows, 'row')} cannot be read and will not be charged; the first is "
            f"row {first['row']:,}: {first['reason']}"
        )
    return words


@contextmanager
def reserved(path: Path) -> Iterator[Path]:
    """Creates .NAME.part, so that a path that cannot be written is refused before anything is charged.

    Nothing is left of it when the block ends.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        refuse_existing(path)
        part.open("xb").close()
    except OSError as error:
        name = error.filename
        raise CommandError(f"{name} cannot be written: {error.strerror}. Nothing was charged.") from error
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def refuse_existing(path: Path) -> None:
    if path.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))


def save(batch: Batch, part: Path, path: Path) -> None:
    """The answer, on disk under its name or not at all. A file that appeared meanwhile is not overwritten."""
    try:
        with batch.answer.open("rb") as answer, part.open("wb") as handle:
            shutil.copyfileobj(answer, handle)
            handle.flush()
            os.fsync(handle.fileno())
        refuse_existing(path)
        part.rename(path)
    except OSError as error:
        raise CommandError(
            f"The file is predicted and charged, but {path} cannot be written: {error.strerror}. "
            f"The answer is kept for {BATCH_KEPT_DAYS} days at /batches/{batch.uuid}/.",
            returncode=4,
        ) from error
