"""/datasets/: upload, view, change columns, train, delete."""

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from billing.forms import idempotent_form
from billing.idempotency import RequestRepeated
from mlmodels.forms.datasets import UploadForm, changes_in, undo_of, undone
from mlmodels.forms.training import TrainingForm
from mlmodels.lookups import owned_dataset
from mlmodels.models import Dataset, TrainedModel, Upload
from mlmodels.operations import datasets as operations
from mlmodels.operations import plans, training, uploads
from mlmodels.views.drop_zone import go_to, refusal_in_drop_zone, upload_context
from mlplatform.core.errors import DomainError, InvalidInput, NotFound
from mlplatform.core.forms import status_beside_form

DATASETS_A_PAGE = 25
MODELS_SHOWN = 10


@require_http_methods(["GET", "POST"])
def datasets(request):
    """The list; a POST is an upload."""
    return upload(request) if request.method == "POST" else show_datasets(request)


def upload(request):
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return refuse_upload(request, form.errors["file"][0], status=400)
    file = form.cleaned_data["file"]
    try:
        received = uploads.receive_dataset(owner=request.user, name=file.name, upload=file)
    except DomainError as refused:
        return refuse_upload(request, refused.message, status=status_beside_form(refused))
    return go_to(request, page_of(received))


def refuse_upload(request, sentence, status):
    if request.htmx:
        return refusal_in_drop_zone(request, sentence, status)
    return show_datasets(request, upload_error=sentence, status=status)


def show_datasets(request, *, upload_error="", status=200):
    search = request.GET.get("search", "").strip()
    newest = Dataset.objects.owned_by(request.user).newest_versions()
    found = newest.for_lists().matching(search).newest_first()
    context = {
        "section": "datasets",
        "search": search,
        "page": Paginator(found, DATASETS_A_PAGE).get_page(request.GET.get("page")),
        "uploads": Upload.objects.owned_by(request.user).without_dataset().newest_first(),
        "upload_error": upload_error,
        **upload_context(),
    }
    template = "mlmodels/_dataset_table.html" if request.htmx else "mlmodels/datasets.html"
    return render(request, template, context, status=status)


@require_POST
def add_version(request, uuid):
    """A newer file, from the page of any version."""
    dataset, form = owned_dataset(request.user, uuid), UploadForm(request.POST, request.FILES)
    try:
        if not form.is_valid():
            raise InvalidInput(form.errors["file"][0])
        received = uploads.receive_version(dataset=dataset, upload=form.cleaned_data["file"])
    except DomainError as refused:
        status = status_beside_form(refused)
        if request.htmx:
            return refusal_in_drop_zone(request, refused.message, status)
        return show_dataset(request, dataset, upload_error=refused.message, status=status)
    if isinstance(received, Dataset):
        messages.success(request, f"Version {received.version} of {received.name} is ready.")
    return go_to(request, page_of(received))


@require_POST
def add_sample(request, sample):
    dataset = operations.add_sample(owner=request.user, sample=sample)
    return redirect("mlmodels:dataset", dataset.uuid)


@require_GET
def dataset(request, uuid):
    return show_dataset(request, owned_dataset(request.user, uuid))


@require_POST
def change(request, uuid):
    """Saves what the page says otherwise, and shows it with everything else that was chosen."""
    dataset = owned_dataset(request.user, uuid)
    try:
        changes = (
            undone(request.POST["undo"]) if "undo" in request.POST else changes_in(request.POST, dataset)
        )
        undo = undo_of(changes, dataset)
        if changes:
            dataset = operations.change(dataset=dataset, **changes)
    except DomainError as refused:
        form = TrainingForm.changed(request.POST, dataset=dataset)
        return show_dataset(request, dataset, form, refused=refused, status=status_beside_form(refused))
    form = TrainingForm.changed(request.POST, dataset=dataset)
    return show_dataset(request, dataset, form, changes=changes, undo="" if "undo" in request.POST else undo)


@require_POST
def train(request, uuid):
    """Saves what the page says otherwise, and starts a training run."""
    dataset = owned_dataset(request.user, uuid)
    form = TrainingForm(request.POST, dataset=dataset)
    try:
        if changes := changes_in(request.POST, dataset):
            dataset = operations.change(dataset=dataset, **changes)
            form = TrainingForm(request.POST, dataset=dataset)
        if not form.is_valid():
            return show_dataset(request, dataset, form, status=422)
        run = training.start_training(
            owner=request.user, dataset=dataset, idempotency=idempotent_form(request), **form.options()
        )
    except RequestRepeated as repeated:
        return redirect("mlmodels:run", repeated.earlier.identifier)
    except DomainError as refused:
        form.add_refusal(refused)
        return show_dataset(request, dataset, form, refused=refused, status=status_beside_form(refused))
    request.session["awaited_run"] = str(run.uuid)
    return redirect("mlmodels:run", run.uuid)


@require_GET
def column(request, uuid, position):
    """One column in full."""
    dataset = owned_dataset(request.user, uuid)
    if position >= len(dataset.columns):
        raise NotFound("There is no such column.")
    context = {"section": "datasets", "dataset": dataset, "column": dataset.columns[position]}
    return render(request, "mlmodels/column.html", context)


@require_http_methods(["GET", "POST"])
def delete(request, uuid):
    dataset = owned_dataset(request.user, uuid)
    if request.method == "POST":
        operations.delete_dataset(dataset=dataset)
        version = f"Version {dataset.version} of " if dataset.version > 1 else ""
        messages.success(request, f"{version}{dataset.name} was deleted.")
        return go_to(request, reverse("mlmodels:datasets"))
    others = dataset.versions.exclude(pk=dataset.pk).count()
    context = {
        "section": "datasets",
        "dataset": dataset,
        "other_versions": others,
        **operations.what_depends_on(dataset),
    }
    return render(request, "mlmodels/dataset_delete.html", context)


def show_dataset(
    request, dataset, form=None, *, refused=None, changes=None, undo="", upload_error="", status=200
):
    """The page, or for htmx all of it that a change may alter."""
    form = form or TrainingForm(dataset=dataset)
    context = {
        "section": "datasets",
        "dataset": dataset,
        "form": form,
        "refused": refused,
        "changes": changes,
        "undo": undo,
        **plan_context(dataset, form),
    }
    if request.htmx:
        return render(request, "mlmodels/_dataset_form.html", context, status=status)
    of_all_versions = TrainedModel.objects.filter(dataset__series=dataset.series).select_related("dataset")
    context |= {
        "models": of_all_versions.for_lists().newest_first()[:MODELS_SHOWN],
        "versions": list(dataset.versions.for_lists()),
        "upload_url": reverse("mlmodels:dataset-versions", args=[dataset.uuid]),
        "upload_label": "Drop a newer CSV file here or choose one",
        "upload_error": upload_error,
        **upload_context(),
    }
    return render(request, "mlmodels/dataset.html", context, status=status)


def plan_context(dataset, form) -> dict:
    """The plan and price of the training run, or why it would be refused."""
    context = {"price": settings.TRAINING_TOKEN_COST}
    try:
        context["checked"] = plans.make_plan(dataset, **form.draft())
    except DomainError as refused:
        context["refusal"] = refused.message
    return context


def page_of(received: Dataset | Upload) -> str:
    """The page of what an uploaded file became; of a large one that is being inspected, its progress."""
    is_ready = isinstance(received, Dataset) or received.dataset_id
    return reverse("mlmodels:dataset" if is_ready else "mlmodels:upload", args=[received.uuid])
