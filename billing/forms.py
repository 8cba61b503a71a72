"""The hidden key in every form that charges: a form sent twice, as by a double click, is charged once."""

from billing.idempotency import IdempotentRequest, identify


def idempotent_form(request) -> IdempotentRequest | None:
    """The request as the field `idempotency_key` of a posted form identifies it; None without one."""
    key = request.POST.get("idempotency_key")
    body = {name: values for name, values in request.POST.lists() if name != "csrfmiddlewaretoken"}
    return identify(request, key=key, body=body) if key else None
