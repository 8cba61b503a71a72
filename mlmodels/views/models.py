"""/models/: the list, rename, delete, compare. The pages of one model are in views/model_tabs.py."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import F
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from mlmodels.forms.models import RenameForm
from mlmodels.learning.trainers import TRAINERS
from mlmodels.lookups import owned_model
from mlmodels.models import Dataset, ModelShare, TrainedModel
from mlmodels.operations import trained_models as operations
from mlmodels.views.drop_zone import go_to

MODELS_A_PAGE = 25
SHARED_MODELS_SHOWN = 100
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
        "datasets": Dataset.objects.owned_by(request.user)
        .newest_versions()
        .newest_first()
        .only("uuid", "name"),
        "page": Paginator(found.for_lists().newest_first(), MODELS_A_PAGE).get_page(request.GET.get("page")),
    }
    if request.htmx:
        return render(request, "mlmodels/_model_list.html", context)
    shares = ModelShare.objects.of_account(request.user).annotate(stored_verdict=F("model__report__verdict"))
    context["shared"] = shares[:SHARED_MODELS_SHOWN]
    return render(request, "mlmodels/models.html", context)


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
        "models": TrainedModel.objects.owned_by(request.user).names().newest_first()[:100],
        "compared_max": COMPARED_MAX,
    }
    return render(request, "mlmodels/compare.html", context)
