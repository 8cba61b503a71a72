"""/accounts/: sign up, log in and out, a forgotten password, and the own account."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView
from django.http import StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import operations
from accounts.forms import (
    CloseAccountForm,
    EndSessionsForm,
    ForgottenPasswordForm,
    LogInForm,
    NewPasswordForm,
    OwnPasswordForm,
    SignUpForm,
)
from accounts.lockout import client_ip_address
from accounts.operations import exports
from accounts.themes import THEME_COOKIE, THEME_DAYS, THEMES
from mlplatform.core.errors import DomainError
from mlplatform.core.streaming import in_blocks, json_object

BACKEND = "django.contrib.auth.backends.ModelBackend"


@method_decorator([login_not_required, sensitive_post_parameters("password")], name="dispatch")
class LogInView(LoginView):
    form_class = LogInForm
    template_name = "accounts/login.html"
    redirect_authenticated_user = True


class LogOutView(LogoutView):
    """Ends this session, by POST alone: a link on another site must not log anybody out."""


@login_not_required
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def signup(request):
    if request.user.is_authenticated:
        return redirect("mlmodels:start")
    form = SignUpForm(request.POST or None)
    if form.is_valid():
        try:
            user = operations.register(**form.cleaned_data, client_ip_address=client_ip_address(request))
        except DomainError as refused:
            form.add_refusal(refused)
        else:
            login(request, user, backend=BACKEND)
            messages.success(request, f"Welcome. You have {user.token_balance} tokens to begin with.")
            return redirect("mlmodels:start")
    context = {"form": form, "welcome_tokens": settings.INITIAL_TOKENS}
    return render(request, "accounts/signup.html", context, status=422 if form.errors else 200)


@login_not_required
@require_http_methods(["GET", "POST"])
def forgotten_password(request):
    """The answer is the same whether or not somebody has the address."""
    form = ForgottenPasswordForm(request.POST or None)
    if form.is_valid():
        operations.request_password_reset(
            email=form.cleaned_data["email"],
            site_url=request.build_absolute_uri("/"),
            client_ip_address=client_ip_address(request),
        )
        return render(
            request, "accounts/reset_sent.html", {"valid_minutes": settings.PASSWORD_RESET_TIMEOUT // 60}
        )
    status = 422 if form.errors else 200
    return render(request, "accounts/forgotten_password.html", {"form": form}, status=status)


@login_not_required
@sensitive_post_parameters("new_password")
@require_http_methods(["GET", "POST"])
def reset_password(request, uid, token):
    """What the mailed link opens. Opening it changes nothing, since mail programs open links as well."""
    email = operations.email_for_reset(uid=uid, token=token)
    if email is None:
        return render(request, "accounts/reset_refused.html", status=410)
    form = NewPasswordForm(request.POST or None)
    if form.is_valid():
        try:
            operations.reset_password_with_token(email=email, token=token, **form.cleaned_data)
        except DomainError as refused:
            form.add_refusal(refused)
        else:
            messages.success(request, "The new password is set. Log in with it.")
            return redirect("accounts:login")
    context = {"form": form, "email": email}
    return render(request, "accounts/reset_password.html", context, status=422 if form.errors else 200)


@require_GET
def account(request):
    return show_account(request)


@sensitive_post_parameters("password", "new_password")
@require_POST
def change_password(request):
    form = OwnPasswordForm(request.POST, user=request.user)
    if form.is_valid():
        try:
            operations.change_password(
                user=request.user, new_password=form.cleaned_data["new_password"], by=request.user
            )
        except DomainError as refused:
            form.add_refusal(refused)
        else:
            update_session_auth_hash(request, request.user)
            messages.success(request, "The password is changed. Other sessions and tokens have ended.")
            return redirect("accounts:account")
    return show_account(request, password_form=form)


@sensitive_post_parameters("password")
@require_POST
def end_sessions(request):
    """The password is stored anew, which ends whatever carries a hash of the old record."""
    form = EndSessionsForm(request.POST, user=request.user)
    if not form.is_valid():
        return show_account(request, sessions_form=form)
    operations.end_other_sessions(user=request.user, password=form.cleaned_data["password"])
    update_session_auth_hash(request, request.user)
    messages.success(request, "All other sessions and tokens have ended.")
    return redirect("accounts:account")


@require_POST
def set_theme(request):
    theme = request.POST.get("theme")
    answer = redirect("accounts:account")
    if theme in THEMES:
        answer.set_cookie(THEME_COOKIE, theme, max_age=THEME_DAYS * 86_400, samesite="Lax", httponly=True)
    else:
        answer.delete_cookie(THEME_COOKIE)
    return answer


@require_GET
def export(request):
    """Everything that is stored about the user, as one JSON file."""
    return StreamingHttpResponse(
        in_blocks(json_object(exports.everything_of(request.user))),
        content_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="account.json"'},
    )


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def close(request):
    form = CloseAccountForm(request.POST or None, user=request.user)
    if form.is_valid():
        operations.leave(user=request.user)
        request.session.flush()
        return render(request, "accounts/closed.html")
    return render(
        request,
        "accounts/close.html",
        {"section": "account", "form": form},
        status=422 if form.errors else 200,
    )


def show_account(request, *, password_form=None, sessions_form=None):
    forms = {
        "password_form": password_form or OwnPasswordForm(user=request.user),
        "sessions_form": sessions_form or EndSessionsForm(user=request.user),
    }
    wrong = any(form.errors for form in forms.values())
    context = {"section": "account", "themes": THEMES, **forms}
    return render(request, "accounts/account.html", context, status=422 if wrong else 200)
