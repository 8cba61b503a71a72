from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from mlplatform import api_urls, error_responses, health, views
from mlplatform.dashboard import dashboard

admin.autodiscover()
admin.site.site_header = admin.site.site_title = "mlplatform administration"

urlpatterns = [
    # JSON API: the calls of the two services this replaces, the resources, the documentation. First, since
    # predictions are asked most, and each URL in front of theirs takes time
    path("api/", include("mlplatform.api_urls")),
    path("api", api_urls.to_docs),
    # Pages
    path("", include("mlmodels.urls")),
    path("accounts/", include("accounts.urls")),
    path("tokens/", include("billing.urls")),
    path("help/", views.help_page, name="help"),
    path("favicon.ico", views.favicon),
    # Probes
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    # Staff, who change their password as everybody does
    path("admin/password_change/", RedirectView.as_view(pattern_name="accounts:account")),
    path("admin/dashboard/", admin.site.admin_view(dashboard), name="admin-dashboard"),
    path("admin/", admin.site.urls),
]

if settings.METRICS_KEY:
    from mlplatform.metrics import metrics

    urlpatterns.append(path("metrics", metrics))

if settings.DEBUG:
    urlpatterns.append(path("styleguide/", views.styleguide, name="styleguide"))

# Errors that Django answers itself
handler400 = error_responses.bad_request
handler403 = error_responses.permission_denied
handler404 = error_responses.page_not_found
handler500 = error_responses.server_error
