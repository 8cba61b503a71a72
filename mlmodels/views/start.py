"""The landing page for visitors, the start page for users."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.shortcuts import render

from mlmodels.learning import samples
from mlmodels.models import TrainedModel, TrainingRun

LATEST_MODELS = 5
SAMPLES_OFFERED = ("iris", "diabetes", "wine")


@login_not_required
def start(request):
    if not request.user.is_authenticated:
        return render(request, "mlmodels/landing.html", {"section": "start", "prices": prices()})
    return render(
        request,
        "mlmodels/start.html",
        {
            "section": "start",
            "runs": TrainingRun.objects.owned_by(request.user).open().newest_first(),
            "models": TrainedModel.objects.owned_by(request.user).for_lists().newest_first()[:LATEST_MODELS],
            **upload_context(),
        },
    )


def upload_context() -> dict:
    """Samples and limits that the drop zone shows before an upload."""
    return {
        "samples": [samples.SAMPLES[name] for name in SAMPLES_OFFERED],
        "upload_megabytes_max": settings.MAX_UPLOAD_MB,
        "upload_bytes_max": settings.MAX_UPLOAD_MB * 1_000_000,
    }


def prices() -> dict:
    return {
        "welcome": settings.INITIAL_TOKENS,
        "training": settings.TRAINING_TOKEN_COST,
        "prediction": settings.PREDICTION_TOKEN_COST,
    }
