"""Pages that belong to no app."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.shortcuts import render
from django.views.decorators.http import require_GET

from mlmodels import charts


@login_not_required
@require_GET
def help_page(request):
    prices = {"training": settings.TRAINING_TOKEN_COST, "prediction": settings.PREDICTION_TOKEN_COST}
    return render(request, "mlplatform/help.html", {"prices": prices})


@login_not_required
@require_GET
def styleguide(request):
    """Every part of the look on one page; there in DEBUG alone."""
    words = {"title": "Example", "message": "What the chart shows, in one sentence."}
    examples = [
        charts.scatter(
            [(1, 1.2), (2, 1.8), (3, 3.1)], name="a", x_label="Actual", y_label="Predicted", **words
        ),
        charts.histogram([0, 1, 2, 3], [4, 9, 2], name="b", x_label="price", marked=1.5, **words),
        charts.roc([(0, 0), (0.1, 0.7), (1, 1)], area=0.8, name="c", **words),
        charts.confusion_matrix(["no", "yes"], [[40, 3], [6, 20]], name="d", **words),
    ]
    return render(request, "mlplatform/styleguide.html", {"charts": examples})
