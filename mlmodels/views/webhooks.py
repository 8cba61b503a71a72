"""/webhooks/: the webhooks of a user and their deliveries."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from mlmodels.forms.webhooks import WebhookForm
from mlmodels.lookups import owned_delivery, owned_webhook
from mlmodels.models import Webhook
from mlmodels.operations.webhooks import create_webhook, delete_webhook, deliver_again, send_test

DELIVERIES_A_PAGE = 25
POLL_SECONDS = 3


@require_http_methods(["GET", "POST"])
def webhooks(request):
    """A new secret is part of the answer to its form, since it is shown this once."""
    form, created = WebhookForm(request.POST or None), None
    if form.is_valid():
        with form.refusals():
            created = create_webhook(owner=request.user, **form.cleaned_data)
            form = WebhookForm()
    context = {
        "section": "account",
        "form": form,
        "created": created,
        "webhooks": Webhook.objects.owned_by(request.user).newest_first(),
    }
    return render(request, "mlmodels/webhooks.html", context, status=422 if form.errors else 200)


@require_GET
def webhook(request, uuid):
    """A page whose list of deliveries polls while one of them is being sent, or will be in a moment."""
    webhook = owned_webhook(request.user, uuid)
    deliveries = Paginator(webhook.deliveries.newest_first(), DELIVERIES_A_PAGE)
    page = deliveries.get_page(request.GET.get("page"))
    context = {
        "section": "account",
        "webhook": webhook,
        "page": page,
        "is_sending": any(not delivery.is_at_rest for delivery in page),
        "poll_seconds": POLL_SECONDS,
    }
    return render(request, "mlmodels/webhook.html", context)


@require_POST
def test(request, uuid):
    send_test(webhook=owned_webhook(request.user, uuid))
    messages.success(request, "The test will be sent in a moment.")
    return redirect("mlmodels:webhook", uuid)


@require_POST
def send_again(request, uuid, delivery):
    deliver_again(delivery=owned_delivery(request.user, uuid, delivery))
    messages.success(request, "The event will be sent again in a moment.")
    return redirect("mlmodels:webhook", uuid)


@require_http_methods(["GET", "POST"])
def delete(request, uuid):
    webhook = owned_webhook(request.user, uuid)
    if request.method == "POST":
        delete_webhook(webhook=webhook)
        messages.success(request, "The webhook was deleted.")
        return redirect("mlmodels:webhooks")
    return render(request, "mlmodels/webhook_delete.html", {"section": "account", "webhook": webhook})
