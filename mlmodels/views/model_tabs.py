"""/models/<name>/: the tabs of one model, each with an address of its own."""

from django.conf import settings
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import replace_url

from billing.forms import idempotent_form
from billing.idempotency import RequestRepeated
from mlmodels.forms.prediction import PredictionForm
from mlmodels.learning.trainers.out_of_range import out_of_range_values
from mlmodels.lookups import owned_model, owned_prediction
from mlmodels.operations import predictions
from mlmodels.snippets import snippets_for
from mlplatform.core.errors import DomainError


@require_GET
def predict_tab(request, name):
    """Shows the answer of ?prediction=, else the last one of this model; with ?typical none."""
    model = owned_model(request.user, name)
    stored = None
    if "prediction" in request.GET:
        stored = owned_prediction(request.user, request.GET["prediction"])
    elif "typical" not in request.GET:
        stored = model.predictions.stored().newest_first().first()
    return render(request, "mlmodels/model.html", predict_context(request, model, stored=stored))


@require_GET
def quality_tab(request, name):
    return render(
        request, "mlmodels/model_quality.html", tab_context(owned_model(request.user, name), "quality")
    )


@require_GET
def drivers_tab(request, name):
    return render(
        request, "mlmodels/model_drivers.html", tab_context(owned_model(request.user, name), "drivers")
    )


@require_GET
def code_tab(request, name):
    model = owned_model(request.user, name)
    snippets = snippets_for(model, request.build_absolute_uri("/").rstrip("/"))
    return render(request, "mlmodels/model_code.html", {**tab_context(model, "code"), "snippets": snippets})


@require_GET
def details_tab(request, name):
    return render(
        request, "mlmodels/model_details.html", tab_context(owned_model(request.user, name), "details")
    )


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
    address = f"{reverse('mlmodels:model', args=[model.name])}?prediction={stored.uuid}"
    if not request.htmx:
        return redirect(f"{address}#result")
    request.user.refresh_from_db(fields=["token_balance"])
    answer = render(request, "mlmodels/_predicted.html", predict_context(request, model, stored=stored))
    return replace_url(answer, address)  # a reload keeps the answer that was paid for


def show_refused(request, model, form):
    """The form again, with each sentence at its place. 422, so that scripts and caches know."""
    template = "mlmodels/_prediction_form.html" if request.htmx else "mlmodels/model.html"
    return render(request, template, predict_context(request, model, form=form), status=422)


def predict_context(request, model, *, form=None, stored=None) -> dict:
    inputs = stored.inputs if stored else None
    return {
        **tab_context(model, "model"),
        "form": form or PredictionForm(model=model, inputs=inputs),
        "price": settings.PREDICTION_TOKEN_COST,
        "stored": stored,
        "out_of_range": out_of_range_values(model.report["features"], inputs) if stored else [],
    }


def tab_context(model, tab) -> dict:
    return {"section": "models", "model": model, "tab": tab}
