"""Models and results of batches as downloads: from pages, over the API and by command."""

import io
import tempfile

from django.http import FileResponse, HttpResponseRedirect

from mlmodels.errors import NoAnswer
from mlmodels.model_card import as_markdown
from mlmodels.models import Batch, TrainedModel
from mlmodels.operations.batches import write_unreadable_rows
from mlmodels.operations.exports import ExportedFile, export_model
from mlmodels.snippets import typical_row
from mlplatform.core import storage

README = """
## What is in this folder

`model.joblib` is the fitted scikit-learn pipeline, `model.json` what has to be known beside it. With the
versions of `requirements.txt` installed, `python predict.py < example_row.json` predicts a row, and
`python rebuild.py TABLE.csv` trains the model again from its table and compares the result with
`model.joblib`, bit for bit. `mlmodels/` and `mlplatform/` hold the code that both scripts need.

Loading a joblib file runs what is in it: only load one that you made or trust.
"""


def exported(model: TrainedModel, file_format: str) -> ExportedFile:
    return export_model(
        model=model, file_format=file_format, readme=as_markdown(model) + README, example=typical_row(model)
    )


def download(model: TrainedModel, file_format: str) -> FileResponse:
    file = exported(model, file_format)
    return FileResponse(io.BytesIO(file.data), as_attachment=True, filename=file.name)


def download_answer(batch: Batch, *, may_redirect: bool) -> FileResponse | HttpResponseRedirect:
    """The file with its predictions, in the encoding of the upload; or a redirect to a temporary link, if the
    files are on object storage that browsers reach.

    A client that sends its key with every request must not be redirected: it would send the key there too.
    """
    if not batch.has_answer:
        raise NoAnswer(why_no_answer(batch))
    if may_redirect:
        name, content_type = batch.answer_name, content_type_of(batch)
        link = storage.signed_url(batch.answer.name, file_name=name, content_type=content_type)
        if link:
            return HttpResponseRedirect(link)
    return _csv(batch, batch.answer.open("rb"), batch.answer_name)


def why_no_answer(batch: Batch) -> str:
    if batch.erased_at:
        return "The files of this batch were removed."
    if batch.is_open:
        return f"This batch is {batch.status}. Its result can be downloaded when it has succeeded."
    ended = "was cancelled" if batch.status == Batch.Status.CANCELLED else "failed"
    return f"This batch {ended} and was refunded, so it has no result. {batch.error}".strip()


def download_unreadable(batch: Batch) -> FileResponse:
    """The rows that cannot be read, with the reasons."""
    file = tempfile.NamedTemporaryFile(suffix=".csv")  # noqa: SIM115 - the response closes it
    write_unreadable_rows(batch=batch, path=file.name)
    return _csv(batch, file, f"{batch.stem} unreadable.csv")


def _csv(batch: Batch, file, name: str) -> FileResponse:
    return FileResponse(file, as_attachment=True, filename=name, content_type=content_type_of(batch))


def content_type_of(batch: Batch) -> str:
    charset = batch.reading["dialect"]["encoding"].removesuffix("-sig")
    return f"text/csv; charset={charset}"
