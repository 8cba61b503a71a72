"""Under /api/. No trailing slashes: existing clients send none."""

from django.urls import path

from accounts.api import account, classic, resources

urlpatterns = [
    # user/
    path("user/create", classic.SignUpView.as_view()),
    path("user/login", classic.LogInView.as_view()),
    path("user/tokens", classic.BalanceView.as_view()),
    path("user/reset_password", classic.ResetPasswordView.as_view()),
    path("user/remove_user", classic.RemoveUserView.as_view()),
    path("request_token", classic.RequestTokenView.as_view()),
    # admin/users
    path("admin/users", classic.ListUsersView.as_view()),
    path("admin/users/<int:user_id>", classic.RemoveUserByUrlView.as_view()),
    path("admin/users/<int:user_id>/tokens", classic.GrantTokensView.as_view()),
    path("admin/users/<int:user_id>/reset_password", classic.SetPasswordView.as_view()),
    # v1
    path("v1/account", account.ShowAccountView.as_view(), name="account"),
    path("v1/token", resources.ObtainTokensView.as_view()),
    path("v1/token/refresh", resources.RefreshTokensView.as_view()),
    path("v1/token/verify", resources.VerifyTokenView.as_view()),
    path("v1/token/blacklist", resources.RevokeTokensView.as_view()),
]
