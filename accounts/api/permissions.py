"""Who may do what over the API, beyond being signed in."""

from rest_framework.permissions import BasePermission


class IsAdministrator(BasePermission):
    """Staff who may open the administration are not enough: each call here is as good as any other right."""

    message = "Only administrators may do this."

    def has_permission(self, request, view):
        return request.user.is_authenticated and request.user.is_administrator
