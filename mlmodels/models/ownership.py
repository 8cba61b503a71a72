"""Whose a row is, and the owner's number in front of model names."""

from django.db import models


class OwnedQuerySet(models.QuerySet):
    def owned_by(self, user):
        return self.filter(owner=user)

    def newest_first(self):
        return self.order_by("-created_at", "-id")


def add_owner(name: str, owner_id: int) -> str:
    """Model names are unique among all users: each starts with the number of its owner."""
    return f"{owner_id}_{name}"


def remove_owner(name: str, owner_id: int) -> str:
    """The name as its owner knows it."""
    return name.removeprefix(f"{owner_id}_")
