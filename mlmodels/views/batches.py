"""/models/<name>/files/ and /batches/: a file is sent to a model, quoted, predicted and downloaded."""

import uuid as uuids

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from billing.forms import idempotent_form
from billing.idempotency import RequestRepeated
from mlmodels.downloads import download_answer, download_unreadable
from mlmodels.forms.datasets import UploadForm
from mlmodels.lookups import owned_batch, usable_model
from mlmodels.operations import batches, jobs
from mlmodels.views.drop_zone import file_price, go_to, refusal_in_drop_zone, upload_context
from mlmodels.views.model_tabs import tab_context
from mlmodels.views.runs import progress_context
from mlplatform.core.errors import DomainError
from mlplatform.core.forms import status_beside_form

BATCHES_A_PAGE = 25


@require_http_methods(["GET", "POST"])
def files(request, name):
    """The files that the user sent to a model; a POST sends one."""
    model = usable_model(request.user, name)
    if request.method == "POST":
        return upload(request, model)
    return render(request, "mlmodels/model_files.html", files_context(request, model))


@require_POST
def predict_file(request):
    """A file for one of several models, from the start page."""
    return upload(request, usable_model(request.user, request.POST.get("model", "")))


def upload(request, model):
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return refuse_upload(request, model, form.errors["file"][0], status=400)
    file = form.cleaned_data["file"]
    try:
        quoted = batches.quote(owner=request.user, model=model, upload=file, name=file.name)
    except DomainError as refused:
        return refuse_upload(request, model, refused.message, status=status_beside_form(refused))
    return go_to(request, reverse("mlmodels:batch", args=[quoted.uuid]))


def refuse_upload(request, model, sentence, status):
    if request.htmx:
        return refusal_in_drop_zone(request, sentence, status)
    context = {**files_context(request, model), "upload_error": sentence}
    return render(request, "mlmodels/model_files.html", context, status=status)


def files_context(request, model) -> dict:
    found = model.batches.owned_by(request.user).started().for_lists().newest_first()
    return {
        **tab_context(model, "files"),
        "page": Paginator(found, BATCHES_A_PAGE).get_page(request.GET.get("page")),
        **upload_context(),
        "upload_url": reverse("mlmodels:model-files", args=[model.name]),
        "file_price": file_price(),
    }


@require_GET
def batch(request, uuid):
    """A quote with its button, or a started batch, which polls its middle part."""
    batch = owned_batch(request.user, uuid)
    if batch.is_quoted:
        return render(request, "mlmodels/batch_quote.html", quote_context(request, batch))
    context = {"section": "models", "batch": batch, **progress_context(batch)}
    return render(request, "mlmodels/_batch_update.html" if request.htmx else "mlmodels/batch.html", context)


def quote_context(request, batch, refused=None) -> dict:
    columns = [column["name"] for column in batch.reading["columns"]]
    renamed = batch.reading["header_names"]
    header, *first_rows = batch.first_rows
    used = {renamed.get(name, name) for name in columns}
    return {
        "section": "models",
        "batch": batch,
        "refused": refused,
        "idempotency_key": uuids.uuid4(),
        "found": [name for name in columns if name not in renamed],
        "columns": columns,
        "renamed": renamed,
        "passed_on": [name for name in header if name not in used],
        "header": header,
        "first_rows": first_rows,
        "price": settings.BATCH_TOKEN_COST,
        "thousands": -(-batch.readable_rows // batches.PRICED_ROWS),
        "left": request.user.token_balance - batch.cost_tokens,
    }


@require_POST
def start(request, uuid):
    quoted = owned_batch(request.user, uuid)
    try:
        batches.start(batch=quoted, idempotency=idempotent_form(request))
    except RequestRepeated:
        pass
    except DomainError as refused:
        if not quoted.is_quoted:
            raise
        context = quote_context(request, quoted, refused=refused.message)
        return render(request, "mlmodels/batch_quote.html", context, status=422)
    return redirect("mlmodels:batch", uuid)


@require_POST
def cancel(request, uuid):
    jobs.cancel(job=owned_batch(request.user, uuid))
    messages.success(request, "The work on this file is being cancelled. The charge is refunded.")
    return redirect("mlmodels:batch", uuid)


@require_POST
def delete(request, uuid):
    batch = owned_batch(request.user, uuid)
    batches.delete_batch(batch=batch)
    messages.success(request, f"{batch.name} and its result were removed.")
    if batch.may_use_model:
        return redirect("mlmodels:model-files", batch.model.name)
    return redirect("mlmodels:models")


@require_GET
def answer(request, uuid):
    return download_answer(owned_batch(request.user, uuid), may_redirect=True)


@require_GET
def unreadable(request, uuid):
    return download_unreadable(owned_batch(request.user, uuid))
