"""The landing page for visitors, the start page for users."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.shortcuts import render

from billing import operations as billing
from mlmodels.models import Batch, Dataset, Prediction, TrainedModel, TrainingRun
from mlmodels.views.drop_zone import file_price, upload_context
from mlplatform.core.text import plural

LATEST_MODELS = 5
MODELS_OFFERED = 100  # to predict a file with


@login_not_required
def start(request):
    if not request.user.is_authenticated:
        context = {"section": "start", "prices": billing.prices(), "welcome_tokens": settings.INITIAL_TOKENS}
        return render(request, "mlmodels/landing.html", context)
    models = TrainedModel.objects.owned_by(request.user).for_lists().newest_first()[:LATEST_MODELS]
    usable = TrainedModel.objects.usable_by(request.user).names().newest_first()[:MODELS_OFFERED]
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
