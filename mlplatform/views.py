"""Pages that belong to no app."""

from django.contrib.auth.decorators import login_not_required
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.views.decorators.http import require_GET, require_safe

from billing import operations as billing
from mlmodels import charts, limits
from mlplatform.core import outbound


@login_not_required
@require_GET
def help_page(request):
    context = {
        "prices": billing.prices(),
        "webhook_seconds": outbound.SECONDS_MAX,
        "webhook_attempts": limits.DELIVERY_ATTEMPTS_MAX,
    }
    return render(request, "mlplatform/help.html", context)


@login_not_required
@require_safe
def favicon(request):
    """Browsers ask for it where a page names no icon, such as for an answer of the API."""
    return redirect(static("icons/favicon.svg"))


@login_not_required
@require_GET
def styleguide(request):
    """Every component on one page; only with DEBUG."""
    words = {"title": "Example", "message": "What the chart shows, in one sentence."}
    bins = {"edges": [0, 1, 2, 3], "counts": [4, 9, 2]}
    examples = [
        charts.scatter(
            [(1, 1.2), (2, 1.8), (3, 3.1)], name="a", x_label="Actual", y_label="Predicted", **words
        ),
        charts.histogram(**bins, name="b", x_label="price", inside=(0.5, 2), reference=1.5, **words),
        charts.curve([(0, 0), (0.1, 0.7), (1, 1)], name="c", x_label="Others", y_label="Found", **words),
        charts.distribution(**bins, name="d", prediction=1.4, interval=(0.8, 2.2), **words),
        charts.calibration([(0.2, 0.25, 0.1, 0.4), (0.7, 0.6, 0.5, 0.8)], name="e", y_label="So", **words),
        charts.categories([("no", 0.8), ("yes", 0.2)], name="f", **words),
    ]
    return render(request, "mlplatform/styleguide.html", {"charts": examples})
