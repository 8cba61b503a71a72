"""/runs/: the progress and the outcome of a training run."""

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect

from mlmodels.lookups import owned_run
from mlmodels.models import place_in_line
from mlmodels.operations import jobs

POLL_SECONDS_FIRST = 1
POLL_SECONDS_LATER = 3
LATER_AFTER_SECONDS = 30


@require_GET
def run(request, uuid):
    """A page whose middle part polls until the run has ended, and once more to be redirected to the model."""
    run = owned_run(request.user, uuid)
    has_model = hasattr(run, "trained_model")  # none before it succeeds, or once the model is deleted
    leads_to_model = has_model and is_awaited(request, run)
    if request.htmx and leads_to_model:
        del request.session["awaited_run"]
        return HttpResponseClientRedirect(where_to_go_on(run.trained_model))
    context = {
        "section": "models",
        "run": run,
        "polls": run.is_open or leads_to_model,
        **progress_context(run),
    }
    return render(request, "mlmodels/_run_update.html" if request.htmx else "mlmodels/run.html", context)


def progress_context(job) -> dict:
    """Where the job is in line, and how often its page asks: less often after LATER_AFTER_SECONDS."""
    is_late = job.seconds_so_far > LATER_AFTER_SECONDS
    return {
        "place": place_in_line(job) if job.is_queued else None,
        "poll_seconds": POLL_SECONDS_LATER if is_late else POLL_SECONDS_FIRST,
    }


def where_to_go_on(model) -> str:
    """The new model; one that was trained again is first compared with the one before."""
    if model.report.get("comparison"):
        return f"{reverse('mlmodels:model-monitoring', args=[model.name])}#comparison-title"
    return f"{reverse('mlmodels:model', args=[model.name])}#predict"


@require_POST
def cancel(request, uuid):
    run = jobs.cancel(job=owned_run(request.user, uuid))
    messages.success(request, "The training run is being cancelled. The charge is refunded.")
    return redirect("mlmodels:run", run.uuid)


def is_awaited(request, run) -> bool:
    """Whether this session started the run and was not redirected to its model yet."""
    return request.session.get("awaited_run") == str(run.uuid)
