"""/predictions/: the history of predictions."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from mlmodels.lookups import owned_prediction
from mlmodels.models import Prediction, may_use_model

PREDICTIONS_A_PAGE = 25


@require_GET
def predictions(request):
    found = Prediction.objects.owned_by(request.user).stored().select_related("model").newest_first()
    found = found.annotate(may_use_model=may_use_model(request.user))
    context = {
        "section": "predictions",
        "page": Paginator(found, PREDICTIONS_A_PAGE).get_page(request.GET.get("page")),
    }
    template = "mlmodels/_prediction_table.html" if request.htmx else "mlmodels/predictions.html"
    return render(request, template, context)


@require_GET
def prediction(request, uuid):
    """The target of ledger links: the model's page, or the list if it was deleted or is no longer shared."""
    prediction = owned_prediction(request.user, uuid)
    if not prediction.may_use_model:
        return redirect("mlmodels:predictions")
    return redirect(f"{reverse('mlmodels:model', args=[prediction.model.name])}?prediction={uuid}#result")


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
