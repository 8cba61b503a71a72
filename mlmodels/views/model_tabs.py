"""/models/<name>/: the tabs of one model, each with an address of its own."""

from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import replace_url

from billing.forms import idempotent_form
from billing.idempotency import RequestRepeated
from mlmodels.forms.models import ThresholdForm
from mlmodels.forms.prediction import ActualForm, PredictionForm
from mlmodels.learning.trainers.out_of_range import out_of_range_values
from mlmodels.lookups import owned_model, owned_prediction, usable_model
from mlmodels.operations import explanations, predictions, trained_models
from mlmodels.snippets import snippets_for
from mlmodels.templatetags.thresholds import cheapest
from mlplatform.core.errors import DomainError
from mlplatform.core.formats import percent
from mlplatform.core.forms import status_beside_form


@require_GET
def predict_tab(request, name):
    """Shows the answer of ?prediction=, else the last one of this model; with ?typical none."""
    model = usable_model(request.user, name)
    stored = None
    if "prediction" in request.GET:
        stored = owned_prediction(request.user, request.GET["prediction"])
    elif "typical" not in request.GET:
        stored = model.predictions.owned_by(request.user).stored().order_by("-pk").first()
    return render(request, "mlmodels/model.html", predict_context(request, model, stored=stored))


@require_GET
def quality_tab(request, name):
    """With ?threshold= and costs, what another threshold would do; nothing is saved by looking."""
    return show_quality(request, usable_model(request.user, name), request.GET)


@require_POST
def threshold(request, name):
    """Saves the threshold that was chosen, or the cheapest one at the costs that were entered."""
    model = owned_model(request.user, name)
    trained_models.check_has_threshold(model=model)
    form = ThresholdForm(request.POST, model=model)
    if not form.is_valid():
        return show_quality(request, model, request.POST, status=422)
    chosen = form.cleaned_data["threshold"] / 100
    if "cheapest" in request.POST:
        costs = form.cleaned_data["missed_cost"], form.cleaned_data["wrong_cost"]
        chosen = cheapest(model.report["thresholds"]["rows"], *costs)
    trained_models.set_threshold(model=model, threshold=chosen)
    messages.success(request, f"New predictions are made at a threshold of {percent(chosen)}.")
    costs = urlencode({part: form.cleaned_data[part] for part in ("missed_cost", "wrong_cost")})
    return redirect(f"{reverse('mlmodels:model-quality', args=[model.name])}?{costs}")


def show_quality(request, model, chosen, status=200):
    context = tab_context(model, "quality")
    if model.report.get("thresholds") and model.owner_id == request.user.pk:
        form = ThresholdForm(chosen, model=model)
        # What is drawn beside wrong entries is what holds now
        drawn = form if form.is_valid() else ThresholdForm({}, model=model)
        drawn.full_clean()
        context |= {"threshold_form": form, "chosen": drawn.cleaned_data}
    return render(request, "mlmodels/model_quality.html", context, status=status)


@require_GET
def drivers_tab(request, name):
    return render(
        request, "mlmodels/model_drivers.html", tab_context(usable_model(request.user, name), "drivers")
    )


@require_GET
def code_tab(request, name):
    model = usable_model(request.user, name)
    snippets = snippets_for(model, request.build_absolute_uri("/").rstrip("/"))
    return render(request, "mlmodels/model_code.html", {**tab_context(model, "code"), "snippets": snippets})


@require_GET
def details_tab(request, name):
    return render(
        request, "mlmodels/model_details.html", tab_context(owned_model(request.user, name), "details")
    )


@require_POST
def predict(request, name):
    model = usable_model(request.user, name)
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
        return show_refused(request, model, form, status=status_beside_form(refused))
    address = f"{reverse('mlmodels:model', args=[model.name])}?prediction={stored.uuid}"
    if not request.htmx:
        return redirect(f"{address}#result")
    request.user.refresh_from_db(fields=["token_balance"])
    answer = render(request, "mlmodels/_predicted.html", predict_context(request, model, stored=stored))
    return replace_url(answer, address)  # a reload keeps the answer that was paid for


@require_POST
def vary(request, name, uuid):
    """A free variation of the row of a paid prediction, in place of its answer."""
    model, paid = usable_model(request.user, name), owned_prediction(request.user, uuid)
    form = PredictionForm(request.POST, model=model)
    if not form.is_valid():
        return show_refused(request, model, form, paid)
    try:
        varied = explanations.vary(prediction=paid, features=form.row())
    except DomainError as refused:
        form.add_refusal(refused)
        return show_refused(request, model, form, paid, status=status_beside_form(refused))
    template = "mlmodels/_predicted.html" if request.htmx else "mlmodels/model.html"
    return render(request, template, predict_context(request, model, stored=varied, paid=paid))


def show_refused(request, model, form, paid=None, status=422):
    """The form again, with each sentence at its place. 422, so that scripts and caches know."""
    template = "mlmodels/_prediction_form.html" if request.htmx else "mlmodels/model.html"
    return render(request, template, predict_context(request, model, form=form, paid=paid), status=status)


def explanation_of(stored) -> dict | None:
    """None for a model that can no longer be used: its answers still show."""
    try:
        return explanations.explanation_of(prediction=stored)
    except DomainError:
        return None


def predict_context(request, model, *, form=None, stored=None, paid=None, actual_form=None) -> dict:
    """`stored` is shown: the prediction that was paid for, or a variation of `paid`."""
    if stored and not paid:
        actual_form = actual_form or ActualForm(prediction=stored)
    inputs = stored.inputs if stored else None
    return {
        **tab_context(model, "model"),
        "form": form or PredictionForm(model=model, inputs=inputs),
        "price": settings.PREDICTION_TOKEN_COST,
        "stored": stored,
        "paid": paid or stored,
        "actual_form": actual_form,
        "explanation": explanation_of(stored) if stored else None,
        "out_of_range": out_of_range_values(model.report["features"], inputs) if stored else [],
    }


def tab_context(model, tab) -> dict:
    return {"section": "models", "model": model, "tab": tab}
