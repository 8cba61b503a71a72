from django.urls import path

from billing import views

app_name = "billing"

# /tokens/
urlpatterns = [
    path("", views.tokens, name="tokens"),
    path("ledger.csv", views.ledger_csv, name="ledger-csv"),
]
