from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from accounts import views
from accounts.forms import LogInForm

app_name = "accounts"

log_in = LoginView.as_view(
    form_class=LogInForm, template_name="accounts/login.html", redirect_authenticated_user=True
)

# /accounts/
urlpatterns = [
    path("", views.account, name="account"),
    path("signup/", views.signup, name="signup"),
    path("login/", log_in, name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("forgotten/", views.forgotten_password, name="forgotten-password"),
    path("reset/<str:uid>/<str:token>/", views.reset_password, name="reset-password"),
    path("password/", views.change_password, name="change-password"),
    path("sessions/", views.end_sessions, name="end-sessions"),
    path("keys/", views.keys, name="keys"),
    path("keys/revoke/", views.revoke_keys, name="revoke-all-keys"),
    path("keys/<uuid:key_id>/revoke/", views.revoke_keys, name="revoke-key"),
    path("theme/", views.set_theme, name="theme"),
    path("export/", views.export, name="export"),
    path("close/", views.close, name="close"),
]
