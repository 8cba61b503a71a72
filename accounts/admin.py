from uuid import uuid4

from django.apps import apps
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.admin import UserAdmin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.views.decorators.debug import sensitive_post_parameters

from accounts.forms import AddUserForm, GrantTokensForm, NewPasswordForm, StaffLogInForm
from accounts.models import ApiKey, User
from accounts.operations import passwords, users
from mlplatform.core.admin import ROWS_COUNTED_MAX, BoundedAdmin, ReadOnlyAdmin, link_to, list_url
from mlplatform.core.errors import DomainError
from mlplatform.core.text import plural

admin.site.login_form = StaffLogInForm
RIGHTS = ["is_staff", "is_superuser", "groups", "user_permissions"]


@admin.register(User)
class AccountUserAdmin(BoundedAdmin, UserAdmin):
    """Tokens are granted with a reason. Users are removed, never deleted, since their ledger is kept."""

    add_form = AddUserForm
    add_fieldsets = [(None, {"fields": ["email", "password1", "password2"]})]
    fieldsets = [
        (None, {"fields": ["email", "password", "balance", "records"]}),
        ("Rights", {"fields": ["is_active", *RIGHTS]}),
        ("Dates", {"fields": ["joined_at", "last_login", "removed_at"]}),
    ]
    readonly_fields = ["balance", "records", "joined_at", "last_login", "removed_at"]
    list_display = ["email", "token_balance", "ledger", "is_staff", "is_active", "joined_at", "last_login"]
    list_filter = ["is_staff", "is_active", "joined_at", ("removed_at", admin.EmptyFieldListFilter)]
    search_fields = ["email"]
    ordering = ["-id"]
    actions = ["grant_tokens", "remove_users"]

    @admin.display(description="tokens")
    def balance(self, user):
        if user.pk is None:
            return "-"
        grant = url_with_ids("admin:accounts_user_grant", [user])
        links = '{} · <a href="{}">grant tokens</a> · {}'
        return format_html(links, user.token_balance, grant, self.ledger(user))

    @admin.display
    def ledger(self, user):
        url = list_url("billing.ledgerentry", account__id__exact=user.pk)
        return format_html('<a href="{}">ledger</a>', url)

    @admin.display(description="belongs to this user")
    def records(self, user):
        """A link to each list of settings.ADMIN_LISTS_OF_A_USER, with the number of its rows."""
        if user.pk is None:
            return "-"
        links = [
            (
                list_url(model, **{f"{field}__id__exact": user.pk}, **filters),
                label,
                rows_in_words(user, model, field, filters),
            )
            for label, model, field, filters in settings.ADMIN_LISTS_OF_A_USER
        ]
        return format_html_join(mark_safe("<br>"), '<a href="{}">{}</a>: {}', links)

    def save_model(self, request, obj, form, change):
        if change:
            return super().save_model(request, obj, form, change)
        registered = users.register(email=obj.email, password=form.cleaned_data["password1"])
        obj.__dict__.update(registered.__dict__)

    def get_readonly_fields(self, request, obj=None):
        """Staff could otherwise give themselves rights, or take over an account by its e-mail address."""
        shown = super().get_readonly_fields(request, obj)
        if obj is None or request.user.is_administrator:
            return shown
        return [*shown, "email", *RIGHTS]

    def has_change_permission(self, request, obj=None):
        """Staff are changed by administrators only."""
        if obj and (obj.removed_at or (obj.is_staff and not request.user.is_administrator)):
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request, obj=None):
        return False

    # accounts/user/…

    def get_urls(self):
        return [
            path("grant/", self.admin_site.admin_view(self.grant_page), name="accounts_user_grant"),
            path("remove/", self.admin_site.admin_view(self.remove_page), name="accounts_user_remove"),
            *super().get_urls(),
        ]

    @admin.action(description="Grant tokens with a reason …", permissions=["administer"])
    def grant_tokens(self, request, selected):
        return redirect(url_with_ids("admin:accounts_user_grant", selected))

    @admin.action(description="Remove users and all they own …", permissions=["administer"])
    def remove_users(self, request, selected):
        return redirect(url_with_ids("admin:accounts_user_remove", selected))

    def grant_page(self, request):
        selected = self.selected_users(request)
        form = GrantTokensForm(request.POST or None, initial={"request_id": uuid4()})
        if not form.is_valid():
            return self.render_confirmation(request, "Grant tokens", selected, form)
        grant = form.cleaned_data
        request_id, granted = grant.pop("request_id"), plural(grant["amount"], "token")
        with transaction.atomic():
            for user in selected:
                operation = f"grant:{request_id}:{user.pk}"
                users.grant_tokens(user=user, **grant, operation=operation, by=request.user)
                self.log_change(request, user, f"Granted {granted}.")
        messages.success(request, f"{granted} granted to {plural(len(selected), 'user')}.")
        return redirect("admin:accounts_user_changelist")

    def remove_page(self, request):
        selected = self.selected_users(request)
        if request.method != "POST":
            return self.render_confirmation(request, "Remove users and all they own", selected)
        for user in selected:
            try:
                users.remove_user(user=user, by=request.user)
            except DomainError as refusal:
                messages.error(request, refusal.message)
            else:
                self.log_change(request, user, "Removed.")
                messages.success(request, f"User {user.pk} is removed.")
        return redirect("admin:accounts_user_changelist")

    @method_decorator(sensitive_post_parameters("new_password"))
    def user_change_password(self, request, id, form_url=""):
        user = self.get_object(request, unquote(id))
        if user is None or user.removed_at or not self.has_administer_permission(request):
            raise PermissionDenied
        form = NewPasswordForm(request.POST or None)
        if form.is_valid():
            with form.refusals():
                passwords.change_password(user=user, **form.cleaned_data, by=request.user)
                self.log_change(request, user, "Changed password.")
                messages.success(request, f"The password of {user.email} is changed.")
                if user.pk == request.user.pk:
                    update_session_auth_hash(request, user)
                return redirect("admin:accounts_user_change", user.pk)
        return self.render_confirmation(request, "Set password", [user], form)

    def selected_users(self, request):
        if not self.has_administer_permission(request):
            raise PermissionDenied
        ids = [text for text in request.GET.get("ids", "").split(",") if text.isdecimal()]
        return list(User.objects.present().filter(pk__in=ids))

    def render_confirmation(self, request, title, selected, form=None):
        context = self.admin_site.each_context(request)
        context |= {"title": title, "users": selected, "form": form, "opts": self.opts}
        return TemplateResponse(request, "admin/accounts/user/confirm.html", context)


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """Read-only and without the hash: keys are created by their owners, or by command."""

    list_display = [
        "prefix", "name", "owner_link", "scope", "created_at", "last_used_at", "expires_at", "revoked_at",
    ]  # fmt: skip
    fields = list_display
    list_filter = ["scope", ("revoked_at", admin.EmptyFieldListFilter), "created_at"]
    list_select_related = ["owner"]
    search_fields = ["=prefix", "=owner__email"]
    search_help_text = "Beginning of the key (12 characters) or e-mail address, in full"
    actions = ["revoke_keys"]

    @admin.display(description="owner", ordering="owner__email")
    def owner_link(self, key):
        return link_to(key.owner)

    @admin.action(description="Revoke keys", permissions=["administer"])
    def revoke_keys(self, request, selected):
        for key in selected:
            self.log_change(request, key, "Revoked.")
        messages.success(request, f"{plural(selected.revoke(), 'key')} revoked.")


def rows_in_words(user, model: str, field: str, filters: dict) -> str:
    """How many there are, as far as a list in the admin goes."""
    rows = apps.get_model(model).objects.filter(**{field: user.pk}, **filters)
    count = rows.order_by()[: ROWS_COUNTED_MAX + 1].count()
    return f"{count:,}" if count <= ROWS_COUNTED_MAX else f"more than {ROWS_COUNTED_MAX:,}"


def url_with_ids(page: str, selected) -> str:
    return reverse(page, query={"ids": ",".join(str(user.pk) for user in selected)})
