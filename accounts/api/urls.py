"""Under /api/. No trailing slashes: existing clients send none."""

from django.urls import path

from accounts.api import classic, resources

urlpatterns = [
    # user/
    path("user/create", classic.SignUp.as_view()),
    path("user/login", classic.LogIn.as_view()),
    path("user/tokens", classic.Balance.as_view()),
    path("user/reset_password", classic.ResetPassword.as_view()),
    path("user/remove_user", classic.RemoveUser.as_view()),
    path("request_token", classic.RequestToken.as_view()),
    # admin/users
    path("admin/users", classic.People.as_view()),
    path("admin/users/<int:user_id>", classic.Person.as_view()),
    path("admin/users/<int:user_id>/tokens", classic.PersonTokens.as_view()),
    path("admin/users/<int:user_id>/reset_password", classic.PersonPassword.as_view()),
    # v1/token
    path("v1/token", resources.ObtainTokens.as_view()),
    path("v1/token/refresh", resources.RefreshTokens.as_view()),
    path("v1/token/verify", resources.VerifyToken.as_view()),
    path("v1/token/blacklist", resources.RevokeTokens.as_view()),
]
