"""Pages that belong to no app."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.shortcuts import render
from django.views.decorators.http import require_GET


@login_not_required
@require_GET
def help_page(request):
    prices = {"training": settings.TRAINING_TOKEN_COST, "prediction": settings.PREDICTION_TOKEN_COST}
    return render(request, "mlplatform/help.html", {"prices": prices})


@login_not_required
@require_GET
def styleguide(request):
    """Every part of the look on one page; there in DEBUG alone."""
    return render(request, "mlplatform/styleguide.html")
