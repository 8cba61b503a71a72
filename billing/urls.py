from django.urls import path

from billing import views

app_name = "billing"

# /tokens/
urlpatterns = [
    path("", views.tokens, name="tokens"),
    path("requests/", views.request_tokens, name="request-tokens"),
    path("requests/<uuid:request_id>/withdraw/", views.withdraw_request, name="withdraw-request"),
    path("ledger.csv", views.ledger_csv, name="ledger-csv"),
]
