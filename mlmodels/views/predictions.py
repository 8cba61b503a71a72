"""/predictions/: the history of predictions."""

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from mlmodels.forms.prediction import ActualForm
from mlmodels.lookups import owned_prediction
from mlmodels.models import Prediction
from mlmodels.operations.actuals import record_actual
from mlmodels.pagination import LongListPaginator
from mlmodels.views.model_tabs import predict_context
from mlplatform.core.errors import NotFound

PREDICTIONS_A_PAGE = 25
ACTUAL_RECORDED = "The actual value was recorded."


@require_GET
def predictions(request):
    keys = Prediction.objects.owned_by(request.user).stored().newest_first().values_list("pk", flat=True)
    page = LongListPaginator(keys, PREDICTIONS_A_PAGE).get_page(request.GET.get("page"))
    page.object_list = Prediction.objects.for_page_lists(request.user).in_order(page.object_list)
    context = {"section": "predictions", "page": page}
    template = "mlmodels/_prediction_table.html" if request.htmx else "mlmodels/predictions.html"
    return render(request, template, context)


@require_GET
def prediction(request, uuid):
    """The target of ledger links: the model's page, or the list if it was deleted or is no longer shared."""
    prediction = owned_prediction(request.user, uuid)
    if not prediction.may_use_model:
        return redirect("mlmodels:predictions")
    return redirect(f"{reverse('mlmodels:model', args=[prediction.model.name])}?prediction={uuid}#result")


@require_POST
def actual(request, uuid):
    """Records the actual value of a prediction, or corrects it."""
    stored = owned_prediction(request.user, uuid)
    if not stored.may_use_model:
        raise NotFound("The model of this prediction was deleted, or is no longer shared with you.")
    form = ActualForm(request.POST, prediction=stored)
    if form.is_valid():
        with form.refusals():
            record_actual(prediction=stored, value=form.cleaned_data["value"])
    is_recorded = form.is_valid()
    if request.htmx:
        context = {
            "model": stored.model,
            "paid": stored,
            "actual_form": ActualForm(prediction=stored) if is_recorded else form,
            "said": ACTUAL_RECORDED if is_recorded else "",
        }
        return render(request, "mlmodels/_actual.html", context, status=200 if is_recorded else 422)
    if not is_recorded:
        context = predict_context(request, stored.model, stored=stored, actual_form=form)
        return render(request, "mlmodels/model.html", context, status=422)
    messages.success(request, ACTUAL_RECORDED)
    return redirect(f"{reverse('mlmodels:model', args=[stored.model.name])}?prediction={uuid}#actual")


@require_http_methods(["GET", "POST"])
def delete(request, uuid):
    """Erases inputs and result; the charge stays in the ledger."""
    prediction = owned_prediction(request.user, uuid)
    if request.method == "POST":
        Prediction.objects.owned_by(request.user).filter(pk=prediction.pk).erase()
        messages.success(request, "The prediction was erased. Its charge stays in your ledger.")
        return redirect("mlmodels:predictions")
    return render(
        request, "mlmodels/prediction_delete.html", {"section": "predictions", "prediction": prediction}
    )
