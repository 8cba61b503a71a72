"""/models/<name>/: how a model has performed, training it again on newer data, and its aliases."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from billing.forms import idempotent_form
from billing.idempotency import RequestRepeated
from mlmodels.forms.datasets import UploadForm
from mlmodels.forms.models import RetrainForm
from mlmodels.limits import MONITORED_PREDICTIONS_MAX
from mlmodels.lookups import owned_alias, owned_dataset, owned_model
from mlmodels.operations import aliases, training
from mlmodels.operations.actuals import record_actuals
from mlmodels.operations.monitoring import monitoring
from mlmodels.views.model_tabs import tab_context
from mlplatform.core.csv_export import csv_lines
from mlplatform.core.errors import DomainError
from mlplatform.core.formats import iso_date

RECORDED = "recorded_actuals"  # in the session: what became of a file, until its page is shown


@require_GET
def monitoring_tab(request, name):
    model = owned_model(request.user, name)
    summary = request.session.get(RECORDED, {})
    recorded = request.session.pop(RECORDED) if summary.get("model") == model.name else None
    return show_monitoring(request, model, recorded=recorded)


@require_http_methods(["GET", "POST"])
def retrain(request, name):
    """Shows what would be trained, on which version and at what price; a POST starts it.

    If no version is left, the user chooses another dataset with the same columns.
    """
    model = owned_model(request.user, name)
    newest = model.newest_dataset
    form = RetrainForm(
        request.POST or None, datasets=[] if newest else training.datasets_to_repeat_on(model=model)
    )
    refused = None
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data.get("dataset")
        try:
            dataset = owned_dataset(request.user, chosen) if chosen else newest
            run = training.retrain(model=model, dataset=dataset, idempotency=idempotent_form(request))
        except RequestRepeated as repeated:
            return redirect("mlmodels:run", repeated.earlier.identifier)
        except DomainError as refusal:
            refused = refusal
        else:
            request.session["awaited_run"] = str(run.uuid)
            return redirect("mlmodels:run", run.uuid)
    context = {
        "section": "models",
        "model": model,
        "form": form,
        "refused": refused,
        "price": settings.TRAINING_TOKEN_COST,
        "newest": newest,
        **plan_context(model),
    }
    return render(request, "mlmodels/model_retrain.html", context, status=422 if refused else 200)


def plan_context(model) -> dict:
    """The plan, or why it cannot be repeated on the newest version of the dataset."""
    try:
        options, _ = training.plan_to_repeat(model=model)
    except DomainError as refusal:
        return {"refusal": refusal.message}
    return {"options": options}


@require_POST
def promote(request, name):
    model = owned_model(request.user, name)
    alias = aliases.promote(model=model, name=request.POST.get("alias", ""))
    messages.success(request, f"{model} now answers under the name {alias.name}.")
    return redirect("mlmodels:model-details", model.name)


@require_POST
def remove_alias(request, name):
    model = owned_model(request.user, name)
    wanted = aliases.alias_name_for(owner_id=model.owner_id, wanted=request.POST.get("alias", ""))
    alias = owned_alias(request.user, wanted)
    aliases.remove_alias(alias=alias)
    messages.success(request, f"The name {alias.name} was removed.")
    return redirect("mlmodels:model-details", model.name)


@require_GET
def predictions_csv(request, name):
    """The latest predictions with their ids, to be filled in with actual values and sent to `actuals`."""
    model = owned_model(request.user, name)
    latest = model.predictions.stored().order_by("-pk")[:MONITORED_PREDICTIONS_MAX]
    rows = (
        [
            str(prediction.uuid),
            prediction.actual,
            prediction.created_at.isoformat(timespec="seconds"),
            prediction.output["prediction"],
            *(written_input(prediction.inputs[column["name"]], column) for column in model.features),
        ]
        for prediction in latest
    )
    header = ["prediction", "actual", "asked_at", "answer", *model.feature_names]
    return HttpResponse(
        csv_lines(header, rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{model.name}-predictions.csv"'},
    )


def written_input(value, column):
    """As people write it, not as the model reads it: a day for seconds, yes for 1."""
    if not isinstance(value, int | float):
        return value
    match column["format"]["type"]:
        case "date":
            return iso_date(value)
        case "boolean":
            return column["format"]["true" if value else "false"]
    return int(value) if value == int(value) else value


@require_POST
def actuals(request, name):
    """A file of actual values. What became of its rows is shown once, on the Monitoring page."""
    model = owned_model(request.user, name)
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return show_monitoring(request, model, refusal=form.errors["file"][0], status=422)
    try:
        recorded = record_actuals(owner=request.user, table=form.cleaned_data["file"], model=model)
    except DomainError as refused:
        return show_monitoring(request, model, refusal=refused.message, status=422)
    request.session[RECORDED] = {
        "model": model.name,
        "sentence": recorded.sentence,
        "reasons": recorded.reasons,
    }
    return redirect(f"{reverse('mlmodels:model-monitoring', args=[model.name])}#actuals-title")


def show_monitoring(request, model, status=200, **more):
    context = {**tab_context(model, "monitoring"), **monitoring(model=model), **more}
    return render(request, "mlmodels/model_monitoring.html", context, status=status)
