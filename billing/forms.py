"""The hidden key in every form that charges: a form sent twice, as by a double click, is charged once."""

from billing.idempotency import IdempotentRequest, fingerprint


def idempotent_form(request) -> IdempotentRequest | None:
    """The request that the field `idempotency_key` of a posted form identifies; None without one."""
    key = request.POST.get("idempotency_key")
    if not key:
        return None
    body = {name: values for name, values in request.POST.lists() if name != "csrfmiddlewaretoken"}
    return IdempotentRequest(
        endpoint=f"{request.method} {request.resolver_match.route}",
        key=key,
        fingerprint=fingerprint(method=request.method, path=request.path, user=request.user, body=body),
    )
