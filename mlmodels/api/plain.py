"""The fast path of paid predictions: plain requests, JSON with a token or a key, bypass REST framework.

REST framework takes longer than the prediction. Any other request goes on to its view, which calls the same
operation. So does a request whose caller is not confirmed: the view answers why. Callers and models of
earlier requests are cached, and confirmed by the statement that charges. A request that finds both makes no
query and can run on the event loop; any other leaves it.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

from django.conf import settings
from django.core.exceptions import DisallowedHost, SynchronousOnlyOperation
from django.core.handlers.wsgi import WSGIHandler, get_script_name
from django.db import Error, close_old_connections
from django.http import HttpResponse
from django.urls import Resolver404, resolve, set_script_prefix
from rest_framework.exceptions import APIException
from rest_framework.renderers import JSONRenderer
from rest_framework.settings import api_settings

from billing.api.idempotency import idempotent_request, replay
from billing.idempotency import RequestRepeated
from billing.purchases import Unconfirmed
from mlmodels.lookups import forget_model, remembered_model
from mlplatform.core import event_loop
from mlplatform.core.errors import DomainError

JSON = "application/json"
SENT_AS = {JSON, f"{JSON}; charset=utf-8", f"{JSON};charset=utf-8"}
ACCEPTED = {"*/*", JSON, f"{JSON}, */*", f"{JSON}, text/plain, */*"}
# As REST framework and CorsMiddleware set them
HEADERS = {"Content-Type": JSON, "Vary": "Accept, origin", "Allow": "POST, OPTIONS"}
SALE = "mlmodels.is_sale"  # in the environ of a request; no header can have such a name
PATHS_REMEMBERED = 1_000


@dataclass(frozen=True)
class Offer:
    """What a view sells, as its attribute `offer`.

    `options_of` the parsed body are those of the operation, or None if it is not plain. `name_argument` of
    the URL is the model's name.
    """

    operation: Callable
    options_of: Callable[[dict], dict | None]
    body_of: Callable
    name_argument: str


class Handler(WSGIHandler):
    """Django's, without the signals at both ends of a request for a plain prediction.

    Their receivers take as long as scoring. All that is needed of them is that a connection is not used again
    once it has failed or is too old.
    """

    def __call__(self, environ, start_response):
        if not is_sale(environ):
            return super().__call__(environ, start_response)
        close_old_connections()
        set_script_prefix(get_script_name(environ))
        response = self.get_response(self.request_class(environ))
        start_response(f"{response.status_code} {response.reason_phrase}", [*response.items()])
        return [response.content]


class PlainPredictionsMiddleware:
    """Answers plain requests before sessions, forms and REST framework, which they do not need.

    Also before the headers for pages of other sites: a request with an Origin is not plain. Headers that all
    responses have are set by UsualHeadersMiddleware.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        try:
            response = answer_if_plain(request)
        except SynchronousOnlyOperation:  # by Django, for a query on the event loop
            event_loop.leave()
            raise
        if response is None:
            event_loop.leave()
            return self.get_response(request)
        return response


def answer_if_plain(request) -> HttpResponse | None:
    """None if the view has to answer."""
    if not is_sale(request.META) or (settings.SECURE_SSL_REDIRECT and not request.is_secure()):
        return None
    match, offer = match_and_offer(request.path_info)
    if match.kwargs.keys() != {offer.name_argument}:
        return None
    try:
        request.get_host()
    except DisallowedHost:
        return None
    request.resolver_match = match
    return plain_response(request, match.kwargs[offer.name_argument], offer)


def is_sale(environ: dict) -> bool:
    """Whether it is a plain request to a view that has an offer. Decided once for each request."""
    if SALE not in environ:
        environ[SALE] = is_plain(environ) and match_and_offer(environ["PATH_INFO"])[1] is not None
    return environ[SALE]


@lru_cache(PATHS_REMEMBERED)
def match_and_offer(path: str) -> tuple:
    try:
        match = resolve(path)
    except Resolver404:
        return None, None
    return match, getattr(match.func, "offer", None)


def is_plain(environ: dict) -> bool:
    length = environ.get("CONTENT_LENGTH", "")
    return (
        environ["REQUEST_METHOD"] == "POST"
        and "HTTP_AUTHORIZATION" in environ
        and "HTTP_ORIGIN" not in environ
        and "HTTP_CONTENT_ENCODING" not in environ
        and not environ.get("HTTP_COOKIE")
        and environ.get("CONTENT_TYPE", "").lower() in SENT_AS
        and environ.get("HTTP_ACCEPT", "*/*") in ACCEPTED
        and not environ.get("QUERY_STRING")
        and length.isdigit()
        and 0 < int(length) <= settings.JSON_BODY_BYTES_MAX  # 0 also if the body was not received
        and "\x00" not in environ["PATH_INFO"]
    )


def plain_response(request, name: str, offer: Offer) -> HttpResponse | None:
    """None if REST framework has to answer."""
    authentication = bearer_authentication()
    try:
        caller = authentication.recall(request)
        return caller and sell(request, caller, name, offer)
    except (Unconfirmed, DomainError):  # a refusal as well, since the cache may be outdated
        authentication.forget(request)
        forget_model(request.user, name)
        return None
    except RequestRepeated as repeated:
        return as_plain(replay(repeated.earlier))
    except (APIException, Error) as error:
        error.auth_header = authentication.authenticate_header(request)
        refusal = api_settings.EXCEPTION_HANDLER(error, {"request": request})
        if refusal is None:
            raise
        return as_plain(refusal)


@cache
def bearer_authentication():
    """One for all requests, as it keeps nothing of them."""
    return api_settings.DEFAULT_AUTHENTICATION_CLASSES[0]()


def sell(request, caller, name: str, offer: Offer) -> HttpResponse | None:
    request.user = caller.user
    data = api_settings.DEFAULT_PARSER_CLASSES[0]().parse(io.BytesIO(request.body))
    options = offer.options_of(data) if isinstance(data, dict) else None
    if options is None:
        return None
    idempotency = idempotent_request(request, body=data)
    model, condition = remembered_model(caller.user, name)
    sold = offer.operation(
        owner=caller.user,
        model=model,
        confirmed_by=(caller.condition, condition),
        idempotency=idempotency,
        body_of=offer.body_of,
        **options,
    )
    return response_of(JSONRenderer().render(offer.body_of(sold)), HEADERS)


def as_plain(response) -> HttpResponse:
    """A response of REST framework, rendered."""
    content = JSONRenderer().render(response.data)
    return response_of(content, {**response.headers, **HEADERS}, response.status_code)


def response_of(content: bytes, headers: dict, status: int = 200) -> HttpResponse:
    return HttpResponse(content, status=status, headers=headers | {"Content-Length": str(len(content))})
