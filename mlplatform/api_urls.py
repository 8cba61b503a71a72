"""Everything under /api/: the classic endpoints, the resources of /api/v1/, and the documentation."""

from django.urls import include, path
from rest_framework.routers import DefaultRouter

from mlmodels.api.runs import RunViewSet

router = DefaultRouter(trailing_slash=False)
router.register("runs", RunViewSet, basename="run")

urlpatterns = [
    path("", include("mlmodels.api.urls")),
    path("", include("accounts.api.urls")),
    path("v1/", include(router.urls)),
    path("", include("mlplatform.api_docs")),
]
