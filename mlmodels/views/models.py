"""/models/: the list, one model with its prediction form, rename, delete, compare."""

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from billing.forms import idempotent_form
from billing.idempotency import RequestRepeated
from mlmodels.forms import PredictionForm, RenameForm
from mlmodels.learning.trainers import TRAINERS
from mlmodels.learning.trainers.out_of_range import out_of_range_values
from mlmodels.lookups import owned_model, owned_prediction
from mlmodels.models import Dataset, TrainedModel
from mlmodels.operations import predictions
from mlmodels.operations import trained_models as operations
from mlmodels.snippets import snippets_for
from mlmodels.views.datasets import go_to
from mlplatform.core.errors import DomainError

MODELS_A_PAGE = 25
COMPARED_MAX = 4


@require_GET
def models(request):
    """The list, narrowed by a part of the name, an algorithm or a dataset."""
    search = request.GET.get("search", "").strip()
    chosen = {name: request.GET[name] for name in ("algorithm", "dataset") if request.GET.get(name)}
    found = TrainedModel.objects.owned_by(request.user).matching(search).narrowed(**chosen)
    context = {
        "section": "models",
        "search": search,
        "chosen": chosen,
        "algorithms": [trainer for trainer in TRAINERS.values() if trainer.name != "auto"],
        "datasets": Dataset.objects.owned_by(request.user).newest_first().only("uuid", "name"),
        "page": Paginator(found.for_lists().newest_first(), MODELS_A_PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "mlmodels/_model_list.html" if request.htmx else "mlmodels/models.html", context)


@require_GET
def model(request, name):
    """With ?prediction= the form and the result show that stored prediction."""
    model = owned_model(request.user, name)
    stored = None
    if "prediction" in request.GET:
        stored = owned_prediction(request.user, request.GET["prediction"])
    return render(request, "mlmodels/model.html", model_context(request, model, stored=stored))


@require_POST
def predict(request, name):
    model = owned_model(request.user, name)
    form = PredictionForm(request.POST, model=model)
    if not form.is_valid():
        return show_refused(request, model, form)
    try:
        stored = predictions.predict(
            owner=request.user, model=model, features=form.row(), idempotency=idempotent_form(request)
        )
    except RequestRepeated as repeated:
        stored = get_object_or_404(model.predictions.stored(), uuid=repeated.earlier.identifier)
    except DomainError as refused:
        form.add_refusal(refused)
        return show_refused(request, model, form)
    if not request.htmx:
        return redirect(f"{reverse('mlmodels:model', args=[model.name])}?prediction={stored.uuid}#result")
    request.user.refresh_from_db(fields=["token_balance"])
    return render(request, "mlmodels/_predicted.html", model_context(request, model, stored=stored))


@require_http_methods(["GET", "POST"])
def rename(request, name):
    """Replaces the title, or with ?row a name in the list; without scripts it is a page."""
    model = owned_model(request.user, name)
    in_row = "row" in request.GET
    place = f"name-{model.name}" if in_row else "model-title"
    form = RenameForm(request.POST or None, initial={"label": str(model)}, auto_id=f"{place}-%s")
    context = {"section": "models", "model": model, "form": form, "place": place, "in_row": in_row}
    if form.is_valid():
        operations.rename_model(model=model, label=form.cleaned_data["label"])
        if not request.htmx:
            return redirect("mlmodels:model", model.name)
        template = "mlmodels/_model_name.html" if in_row else "mlmodels/_model_title.html"
        return render(request, template, {**context, "is_renamed": True})
    template = "mlmodels/_rename_form.html" if request.htmx else "mlmodels/model_rename.html"
    return render(request, template, context)


@require_http_methods(["GET", "POST"])
def delete(request, name):
    model = owned_model(request.user, name)
    if request.method == "POST":
        operations.delete_model(model=model)
        messages.success(request, f"{model} was deleted.")
        return go_to(request, reverse("mlmodels:models"))
    context = {"section": "models", "model": model, "predictions": model.predictions.count()}
    template = "mlmodels/_model_delete.html" if request.htmx else "mlmodels/model_delete.html"
    return render(request, template, context)


@require_GET
def compare(request):
    """Two to four models side by side; asked for with ?model=a&model=b."""
    asked = list(dict.fromkeys(request.GET.getlist("model")))
    names = asked[:COMPARED_MAX]
    chosen = sorted(
        TrainedModel.objects.owned_by(request.user).select_related("dataset").filter(name__in=names),
        key=lambda model: names.index(model.name),
    )
    context = {
        "section": "models",
        "chosen": chosen,
        "too_many": len(asked) > COMPARED_MAX,
        "models": TrainedModel.objects.owned_by(request.user).for_lists().newest_first()[:100],
        "compared_max": COMPARED_MAX,
    }
    return render(request, "mlmodels/compare.html", context)


def show_refused(request, model, form):
    """The form again, with each sentence at its place. 422, so that scripts and caches know."""
    template = "mlmodels/_prediction_form.html" if request.htmx else "mlmodels/model.html"
    return render(request, template, model_context(request, model, form=form), status=422)


def model_context(request, model, *, form=None, stored=None) -> dict:
    inputs = stored.inputs if stored else None
    return {
        "section": "models",
        "model": model,
        "form": form or PredictionForm(model=model, inputs=inputs),
        "price": settings.PREDICTION_TOKEN_COST,
        "stored": stored,
        "out_of_range": out_of_range_values(model.report["features"], inputs) if stored else [],
        "snippets": snippets_for(model, request.build_absolute_uri("/").rstrip("/")),
    }
