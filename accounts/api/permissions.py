"""Who may do what over the API, beyond being signed in."""

from rest_framework.permissions import BasePermission

from accounts.errors import AdministratorsOnly


class IsAdministrator(BasePermission):
    """Not for staff, who may open the administration: each call here is as powerful as any other right."""

    message = AdministratorsOnly.message

    def has_permission(self, request, view):
        return request.user.is_authenticated and request.user.is_administrator
