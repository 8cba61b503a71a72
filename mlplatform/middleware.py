"""Pages of somebody who is signed in are nobody else's: no cache keeps them, no back button shows them."""

from dataclasses import asdict
from functools import cached_property

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.utils.cache import add_never_cache_headers, patch_vary_headers


class PrivatePagesMiddleware:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if request.path.startswith("/api/"):  # no sessions there, and no time to lose
            return response
        if request.user.is_authenticated and not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        patch_vary_headers(response, ["HX-Request"])
        return response


class ContentSecurityPolicyMiddleware(CSPMiddleware):
    """django-csp, with the policy that nearly all answers have put together once instead of every time."""

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
