"""The API's documentation: the OpenAPI schema, Swagger UI and ReDoc, all served from here.

Both readers style their pages inline and draw pictures from data: addresses, and ReDoc searches in a worker
that is made from a blob. Only these two may do so; scripts come from this site alone, as everywhere.
"""

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.contrib.auth.decorators import login_not_required
from django.urls import path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerSplitView

READER_POLICY = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF, UNSAFE_INLINE],
    "img-src": [SELF, "data:"],
    "font-src": [SELF, "data:"],
    "connect-src": [SELF],
    "worker-src": ["blob:"],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [NONE],
}

for_readers = csp_replace(READER_POLICY)
to_docs = login_not_required(RedirectView.as_view(pattern_name="api-docs"))

urlpatterns = [
    path("", to_docs),
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", for_readers(SpectacularSwaggerSplitView.as_view()), name="api-docs"),
    path("redoc", for_readers(SpectacularRedocView.as_view()), name="api-redoc"),
]
