from django.urls import path

from accounts import views

app_name = "accounts"

# /accounts/
urlpatterns = [
    path("", views.account, name="account"),
    path("signup/", views.signup, name="signup"),
    path("login/", views.LogInView.as_view(), name="login"),
    path("logout/", views.LogOutView.as_view(), name="logout"),
    path("forgotten/", views.forgotten_password, name="forgotten-password"),
    path("reset/<str:uid>/<str:token>/", views.reset_password, name="reset-password"),
    path("password/", views.change_password, name="change-password"),
    path("sessions/", views.end_sessions, name="end-sessions"),
    path("theme/", views.set_theme, name="theme"),
    path("export/", views.export, name="export"),
    path("close/", views.close, name="close"),
]
