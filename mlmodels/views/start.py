"""The landing page for visitors, the start page for users."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.shortcuts import render

from mlmodels.learning import samples
from mlmodels.models import Batch, Dataset, Prediction, TrainedModel, TrainingRun
from mlmodels.operations.batches import PRICED_ROWS
from mlplatform.core.text import plural

LATEST_MODELS = 5
MODELS_OFFERED = 100  # to predict a file with
SAMPLES_OFFERED = ("iris", "diabetes", "wine")


@login_not_required
def start(request):
    if not request.user.is_authenticated:
        return render(request, "mlmodels/landing.html", {"section": "start", "prices": prices()})
    models = TrainedModel.objects.owned_by(request.user).for_lists().newest_first()[:LATEST_MODELS]
    usable = TrainedModel.objects.usable_by(request.user).for_lists().newest_first()[:MODELS_OFFERED]
    batches = Batch.objects.owned_by(request.user).newest_first()
    context = {
        "section": "start",
        "runs": TrainingRun.objects.owned_by(request.user).open().newest_first(),
        "models": models,
        "usable_models": usable,
        "model_of_latest_file": batches.values_list("model_id", flat=True).first(),
        "file_price": file_price(),
        "steps": first_steps(request.user, models),
        **upload_context(),
    }
    return render(request, "mlmodels/start.html", context)


def first_steps(user, models) -> list[dict]:
    """The way to a first prediction, for who has not made one: what is done, and what is next."""
    if Prediction.objects.owned_by(user).exists():
        return []
    is_done = [True, Dataset.objects.owned_by(user).exists(), bool(models), False]
    words = [
        ("Create an account", f"{plural(user.token_balance, 'token')} left"),
        ("Upload a table", "Free. A sample will do."),
        ("Train a model", f"{plural(settings.TRAINING_TOKEN_COST, 'token')}, about a minute"),
        ("Predict a row", f"{plural(settings.PREDICTION_TOKEN_COST, 'token')}, only if you get an answer"),
    ]
    next_one = is_done.index(False)
    return [
        {"name": name, "note": note, "is_done": number < next_one, "is_next": number == next_one}
        for number, (name, note) in enumerate(words)
    ]


def upload_context() -> dict:
    """Samples and limits that the drop zone shows before an upload."""
    return {
        "samples": [samples.SAMPLES[name] for name in SAMPLES_OFFERED],
        "upload_megabytes_max": settings.MAX_UPLOAD_MB,
        "upload_bytes_max": settings.MAX_UPLOAD_MB * 1_000_000,
        "upload_too_large": f"This file is larger than {settings.MAX_UPLOAD_MB} MB. "
        "Choose a smaller file; nothing was uploaded.",
    }


def file_price() -> str:
    """The price of predicting a file, as its drop zone states it."""
    price = plural(settings.BATCH_TOKEN_COST, "token")
    return f"{price} per {PRICED_ROWS:,} rows, rounded up. You confirm the price first."


def prices() -> dict:
    return {
        "welcome": settings.INITIAL_TOKENS,
        "training": settings.TRAINING_TOKEN_COST,
        "prediction": settings.PREDICTION_TOKEN_COST,
        "batch": settings.BATCH_TOKEN_COST,
    }
