"""/accounts/: sign up, log in and out, reset the password, and the user's account."""

from itertools import chain

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.shortcuts import get_list_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.forms import (
    ConfirmedForm,
    ForgottenPasswordForm,
    NewKeyForm,
    NewPasswordForm,
    OwnPasswordForm,
    SignUpForm,
)
from accounts.lockout import client_ip_address
from accounts.operations import passwords, users
from accounts.operations.keys import create_key
from accounts.themes import THEME_COOKIE, THEME_DAYS, THEMES
from mlplatform.core.streaming import download, in_blocks, json_object, zip_archive
from mlplatform.core.text import plural


@login_not_required
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def signup(request):
    if request.user.is_authenticated:
        return redirect("mlmodels:start")
    form = SignUpForm(request.POST or None)
    if form.is_valid():
        with form.refusals():
            user = users.register(**form.cleaned_data, client_ip_address=client_ip_address(request))
            login(request, user, backend="django.contrib.auth.backends.ModelBackend")
            messages.success(request, f"Welcome. You have {user.token_balance} tokens to start with.")
            return redirect("mlmodels:start")
    return show_form(request, "accounts/signup.html", form, welcome_tokens=settings.INITIAL_TOKENS)


@login_not_required
@require_http_methods(["GET", "POST"])
def forgotten_password(request):
    """The answer is the same whether or not the e-mail address has an account."""
    form = ForgottenPasswordForm(request.POST or None)
    if form.is_valid():
        passwords.request_password_reset(
            email=form.cleaned_data["email"],
            site_url=request.build_absolute_uri("/"),
            client_ip_address=client_ip_address(request),
        )
        return redirect(f"{reverse('accounts:forgotten-password')}?sent")
    if request.method == "GET" and "sent" in request.GET:
        valid_minutes = settings.PASSWORD_RESET_TIMEOUT // 60
        return render(request, "accounts/reset_sent.html", {"valid_minutes": valid_minutes})
    return show_form(request, "accounts/forgotten_password.html", form)


@login_not_required
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def reset_password(request, uid, token):
    """The page of the reset link. Opening it changes nothing, since mail programs open links too."""
    email = passwords.email_for_reset(uid=uid, token=token)
    if email is None:
        return render(request, "accounts/reset_refused.html", status=410)
    form = NewPasswordForm(request.POST or None)
    if form.is_valid():
        with form.refusals():
            passwords.reset_password_with_token(email=email, token=token, **form.cleaned_data)
            messages.success(request, "The new password is set. Log in with it.")
            return redirect("accounts:login")
    return show_form(request, "accounts/reset_password.html", form, email=email)


@require_GET
def account(request):
    return show_account(request)


@sensitive_post_parameters()
@require_POST
def change_password(request):
    form = OwnPasswordForm(request.POST, user=request.user)
    if form.is_valid():
        user, new_password = request.user, form.cleaned_data["new_password"]
        with form.refusals():
            passwords.change_password(user=user, new_password=new_password, by=user)
            update_session_auth_hash(request, user)
            messages.success(request, "The password is changed. Other sessions and access tokens have ended.")
            return redirect("accounts:account")
    return show_account(request, password_form=form)


@sensitive_post_parameters()
@require_POST
def end_sessions(request):
    """Stores the same password again, which ends all that carries the old hash."""
    form = ConfirmedForm(request.POST, user=request.user, prefix="sessions")
    if not form.is_valid():
        return show_account(request, sessions_form=form)
    passwords.store_password(user=request.user, new_password=form.cleaned_data["password"])
    update_session_auth_hash(request, request.user)
    messages.success(request, "All other sessions and access tokens have ended.")
    return redirect("accounts:account")


@require_http_methods(["GET", "POST"])
def keys(request):
    """A new key is part of the answer to its form, since it is stored nowhere, not even in the session."""
    form = NewKeyForm(request.POST or None)
    created = {}
    if form.is_valid():
        with form.refusals():
            key, text = create_key(owner=request.user, **form.cleaned_data)
            form, created = NewKeyForm(), {"new_key": key, "new_key_text": text}
    return show_form(
        request,
        "accounts/keys.html",
        form,
        section="account",
        keys=request.user.api_keys.unrevoked(),
        **created,
    )


@require_http_methods(["GET", "POST"])
def revoke_keys(request, key_id=None):
    """One key, or without `key_id` all of them."""
    chosen = request.user.api_keys.unrevoked()
    if key_id:
        chosen = chosen.filter(pk=key_id)
    keys = get_list_or_404(chosen)
    if request.method == "POST":
        chosen.revoke()
        messages.success(request, f"{plural(len(keys), 'key')} revoked.")
        return redirect("accounts:keys")
    return render(request, "accounts/revoke_keys.html", {"section": "account", "keys": keys})


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
    """All that is stored about the user, as a ZIP: account.json, and the files that it names."""
    facts = in_blocks(json_object(users.everything_of(user=request.user)))
    described = ("account.json", (block.encode() for block in facts))
    archive = zip_archive(chain([described], users.files_of(user=request.user)))
    return download(archive, content_type="application/zip", file_name="account.zip")


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def close(request):
    form = ConfirmedForm(request.POST or None, user=request.user)
    if form.is_valid():
        users.close_own_account(user=request.user)
        request.session.flush()
        return render(request, "accounts/closed.html")
    return show_form(request, "accounts/close.html", form, section="account")


def show_form(request, template, form, **context):
    return render(request, template, {"form": form, **context}, status=422 if form.errors else 200)


def show_account(request, **bound_forms):
    forms = {
        "password_form": OwnPasswordForm(user=request.user),
        "sessions_form": ConfirmedForm(user=request.user, prefix="sessions"),
    } | bound_forms
    wrong = any(form.errors for form in forms.values())
    context = {"section": "account", "themes": THEMES, **forms}
    return render(request, "accounts/account.html", context, status=422 if wrong else 200)
