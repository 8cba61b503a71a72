"""/models/<name>/share/, the report that prints well, and the public link to it."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from mlmodels.forms.models import ReportLinkForm, ShareForm
from mlmodels.lookups import owned_model, usable_model
from mlmodels.models import ModelShare
from mlmodels.operations.sharing import create_report_link, model_of_report_link, share_model


@require_GET
def share_tab(request, name):
    return show_sharing(request, owned_model(request.user, name))


@require_POST
def share(request, name):
    model = owned_model(request.user, name)
    form = ShareForm(request.POST)
    if form.is_valid():
        with form.refusals():
            shared = share_model(model=model, **form.cleaned_data, site_url=request.build_absolute_uri("/"))
            messages.success(request, f"If {shared.email} has an account, it can use this model now.")
            return redirect("mlmodels:model-share", model.name)
    return show_sharing(request, model, share_form=form)


@require_POST
def create_link(request, name):
    """The new link is part of the answer, since only a hash of it is stored."""
    model = owned_model(request.user, name)
    form = ReportLinkForm(request.POST)
    if form.is_valid():
        with form.refusals():
            _, token = create_report_link(model=model, **form.cleaned_data)
            url = request.build_absolute_uri(reverse("mlmodels:shared-report", args=[token]))
            return show_sharing(request, model, new_url=url)
    return show_sharing(request, model, link_form=form)


@require_POST
def revoke_share(request, name, uuid):
    model = owned_model(request.user, name)
    revoke(model.shares.filter(uuid=uuid))
    messages.success(request, "The model is no longer shared with this e-mail address.")
    return redirect("mlmodels:model-share", model.name)


@require_POST
def revoke_link(request, name, uuid):
    model = owned_model(request.user, name)
    revoke(model.report_links.filter(uuid=uuid))
    messages.success(request, "The link was revoked.")
    return redirect("mlmodels:model-share", model.name)


@require_POST
def leave(request, uuid):
    """The other account does not want the model any more."""
    revoke(ModelShare.objects.filter(shared_with=request.user, uuid=uuid))
    messages.success(request, "The model was removed from your list.")
    return redirect("mlmodels:models")


@require_GET
def report(request, name):
    """To read and to print, for whoever may use the model."""
    return show_report(request, usable_model(request.user, name))


@login_not_required
@require_GET
def shared_report(request, token):
    response = show_report(request, model_of_report_link(token=token), is_public=True)
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Cache-Control"] = "no-store"
    return response


def revoke(rows):
    get_object_or_404(rows)
    rows.revoke()


def show_report(request, model, *, is_public=False):
    context = {"section": "models", "model": model, "is_public": is_public}
    return render(request, "mlmodels/report.html", context)


def show_sharing(request, model, *, share_form=None, link_form=None, new_url=""):
    forms = {"share_form": share_form or ShareForm(), "link_form": link_form or ReportLinkForm()}
    context = {
        "section": "models",
        "model": model,
        "tab": "share",
        "shares": model.shares.unrevoked().newest_first(),
        "links": model.report_links.unrevoked().newest_first(),
        "new_url": new_url,
        **forms,
    }
    is_wrong = any(form.errors for form in forms.values())
    return render(request, "mlmodels/model_share.html", context, status=422 if is_wrong else 200)
