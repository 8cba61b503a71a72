from dataclasses import asdict
from functools import cached_property

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from csp.utils import build_policy


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
