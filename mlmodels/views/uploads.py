"""/uploads/: a large file that is being inspected, until it is a dataset."""

from django.contrib import messages
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from mlmodels.lookups import owned_upload
from mlmodels.operations import uploads
from mlmodels.views.datasets import page_of
from mlmodels.views.drop_zone import go_to
from mlmodels.views.runs import POLL_SECONDS_FIRST


@require_GET
def upload(request, uuid):
    """The page polls its middle part, and leads to the dataset as soon as there is one."""
    found = owned_upload(request.user, uuid)
    if found.dataset_id:
        return go_to(request, page_of(found))
    context = {"section": "datasets", "upload": found, "poll_seconds": POLL_SECONDS_FIRST}
    template = "mlmodels/_upload_update.html" if request.htmx else "mlmodels/upload.html"
    return render(request, template, context)


@require_POST
def delete(request, uuid):
    found = owned_upload(request.user, uuid)
    uploads.delete_upload(upload=found)
    messages.success(request, f"{found.name} was removed.")
    return redirect("mlmodels:datasets")
