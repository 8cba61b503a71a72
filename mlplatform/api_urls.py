"""Everything under /api/: the classic endpoints, the resources of /api/v1/, and the documentation.

Swagger UI and ReDoc use inline styles and images from data: URLs, and ReDoc searches in a worker made from a
blob. Only their two pages may do so.
"""

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.routers import APIRootView, DefaultRouter

from accounts.api.account import KeyViewSet
from billing.api.ledger import LedgerViewSet
from billing.api.shop import ShopGrantView
from billing.api.token_requests import TokenRequestViewSet
from mlmodels.api.algorithms import AlgorithmViewSet
from mlmodels.api.batches import BatchViewSet
from mlmodels.api.datasets import DatasetViewSet
from mlmodels.api.models import ModelViewSet
from mlmodels.api.predictions import PredictionViewSet
from mlmodels.api.runs import RunViewSet
from mlmodels.api.sharing import ReportLinkViewSet, SharedModelViewSet, ShareViewSet
from mlmodels.api.uploads import UploadViewSet
from mlmodels.api.webhooks import WebhookViewSet


class ResourcesView(APIRootView):
    """From a table to a prediction: upload a dataset, start a run on it, and ask its model. Every URL shows
    what it answers, and a form for what can be sent to it.
    """

    def get(self, request):
        self.api_root_dict = self.api_root_dict | {"account": "account"}
        return super().get(request)


class SchemaView(SpectacularAPIView):
    """The OpenAPI schema, rendered once in a process: it follows from the code, and takes half a second."""

    rendered = {}

    @extend_schema(exclude=True)
    def get(self, request):
        media_type = request.accepted_media_type
        if media_type not in self.rendered:
            self.rendered[media_type] = self.finalize_response(request, super().get(request)).render()
        response = self.rendered[media_type]
        return HttpResponse(response.content, headers=response.headers)


router = DefaultRouter(trailing_slash=False, use_regex_path=False)
router.include_format_suffixes = False
router.APIRootView = ResourcesView
# In the order in which a developer needs them
router.register("datasets", DatasetViewSet, basename="dataset")
router.register("uploads", UploadViewSet, basename="upload")
router.register("algorithms", AlgorithmViewSet, basename="algorithm")
router.register("runs", RunViewSet, basename="run")
router.register("models", ModelViewSet, basename="model")
router.register("predictions", PredictionViewSet, basename="prediction")
router.register("batches", BatchViewSet, basename="batch")
router.register("models/<str:name>/shares", ShareViewSet, basename="share")
router.register("models/<str:name>/report-links", ReportLinkViewSet, basename="report-link")
router.register("shared-models", SharedModelViewSet, basename="shared-model")
router.register("webhooks", WebhookViewSet, basename="webhook")
router.register("keys", KeyViewSet, basename="key")
router.register("ledger", LedgerViewSet, basename="ledger")
router.register("token-requests", TokenRequestViewSet, basename="token-request")

reader_policy = csp_replace(
    {
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF, "data:"],
        "worker-src": ["blob:"],
        "form-action": [NONE],
    }
)
to_docs = login_not_required(RedirectView.as_view(pattern_name="api-docs"))

urlpatterns = [
    path("", to_docs),
    path("", include("mlmodels.api.urls")),
    path("", include("accounts.api.urls")),
    path("v1/shop/grants", ShopGrantView.as_view(), name="shop-grants"),
    path("v1/", include(router.urls)),
    path("schema", SchemaView.as_view(), name="schema"),
    path("docs", reader_policy(SpectacularSwaggerSplitView.as_view()), name="api-docs"),
    path("redoc", reader_policy(SpectacularRedocView.as_view()), name="api-redoc"),
]
