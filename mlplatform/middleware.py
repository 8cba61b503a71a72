"""Caching, who must be logged in, early refusal of large bodies, and the content security policy."""

from dataclasses import asdict
from functools import cached_property

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.http import HttpResponse
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django.utils.deprecation import MiddlewareMixin
from django.utils.module_loading import import_string

from mlplatform.core.errors import NotSignedIn
from mlplatform.error_responses import refuse
from mlplatform.request_buffering import content_length


class UsualHeadersMiddleware:
    """Gives the answers of PlainPredictionsMiddleware, errors too, the headers that HEADER_MIDDLEWARE sets.

    They do not pass through it, which would take longer. It is asked once, since its headers do not vary.
    """

    def __init__(self, get_response):
        self.get_response = get_response
        self.header_middleware = lambda request: HttpResponse()
        for path in reversed(settings.HEADER_MIDDLEWARE):
            self.header_middleware = import_string(path)(self.header_middleware)
        self.headers = {}  # by whether the request is secure

    def __call__(self, request):
        response = self.get_response(request)
        if HEADER not in response.headers:  # every response that has passed through it has a policy
            for name, value in self.headers_of(request).items():
                response.headers.setdefault(name, value)
        return response

    def headers_of(self, request) -> dict:
        is_secure = request.is_secure()
        if is_secure not in self.headers:
            self.headers[is_secure] = dict(self.header_middleware(request).items())
        return self.headers[is_secure]


class NoStoreMiddleware(MiddlewareMixin):
    """Keeps responses of the API and pages of a session out of caches and the back button.

    Any session cookie counts, valid or not, which saves a query.
    """

    def process_response(self, request, response):
        is_api = request.path.startswith("/api/")
        if not response.has_header("Cache-Control"):
            if is_api:
                response["Cache-Control"] = "no-store"
            elif settings.SESSION_COOKIE_NAME in request.COOKIES:
                add_never_cache_headers(response)
        if not is_api:
            patch_vary_headers(response, ["HX-Request"])
        return response


class RateLimitMiddleware(MiddlewareMixin):
    """Tells a caller whose requests are counted how many are left: mlplatform.core.api.RateLimitHeaders."""

    def process_response(self, request, response):
        if counted := getattr(request, "rate_limit", None):
            for name, value in zip(("Limit", "Remaining", "Reset"), counted, strict=True):
                response[f"RateLimit-{name}"] = str(value)
        return response


class LoginUnlessPublicMiddleware(LoginRequiredMiddleware):
    """Django's reads the user first, which would cost public pages and /healthz a query."""

    def process_view(self, request, view_func, view_args, view_kwargs):
        if not getattr(view_func, "login_required", True):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)


class PageMessagesMiddleware(MessageMiddleware):
    """Messages are for pages: the API neither shows nor leaves any."""

    def process_request(self, request):
        if not request.path.startswith("/api/"):
            super().process_request(request)


class AnonymousBodyMiddleware(MiddlewareMixin):
    """Refuses a large body of an anonymous visitor before CsrfViewMiddleware parses the form.

    Only forms of signed-in users carry files. REST framework authenticates before it parses.
    """

    def process_view(self, request, view, args, kwargs):
        is_large = content_length(request.META) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if is_large and not getattr(view, "csrf_exempt", False) and not request.user.is_authenticated:
            return refuse(request, NotSignedIn("Log in before you upload a file."))
        return None


class ContentSecurityPolicyMiddleware(CSPMiddleware):
    """Builds the policy of nearly all responses once, where django-csp builds it for each."""

    def process_response(self, request, response):
        has_its_own = any(name.startswith("_csp") for name in vars(response)) or hasattr(
            request, "_csp_nonce"
        )
        if has_its_own:
            return super().process_response(request, response)
        response.headers.setdefault(HEADER, self.usual_policy)
        return response

    @cached_property
    def usual_policy(self):
        return build_policy(**asdict(self.get_policy_parts(request=None, response=None)))
