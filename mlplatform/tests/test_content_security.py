import pytest
from csp.constants import NONCE
from csp.middleware import CSPMiddleware
from django.http import HttpResponse

from mlplatform.middleware import ContentSecurityPolicyMiddleware

HEADER = "Content-Security-Policy"


@pytest.mark.parametrize(
    "special",
    [
        {},
        {"_csp_update": {"img-src": ["data:"]}},
        {"_csp_replace": {"script-src": ["'none'"]}},
        {"_csp_exempt": True},
        {"headers": {HEADER: "default-src 'none'"}},
    ],
)
def test_every_answer_gets_the_policy_that_django_csp_gives_it(rf, special):
    def answer(request):
        response = HttpResponse(headers=special.get("headers"))
        vars(response).update({name: value for name, value in special.items() if name != "headers"})
        return response

    ours, theirs = (
        middleware(answer)(rf.get("/")) for middleware in (ContentSecurityPolicyMiddleware, CSPMiddleware)
    )

    assert ours.get(HEADER) == theirs.get(HEADER)


def test_a_nonce_goes_into_the_policy(rf, settings):
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": {"script-src": [NONCE]}}

    def answer(request):
        return HttpResponse(str(request.csp_nonce))

    response = ContentSecurityPolicyMiddleware(answer)(rf.get("/"))

    assert f"'nonce-{response.content.decode()}'" in response[HEADER]
