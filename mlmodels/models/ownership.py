"""The base of models whose rows have an owner, and the owner's number at the start of model names."""

import uuid

from django.db import models
from django.utils import timezone


def is_uuid(text) -> bool:
    try:
        uuid.UUID(str(text))
    except ValueError:
        return False
    return True


class OwnedQuerySet(models.QuerySet):
    def owned_by(self, user):
        return self.filter(owner=user)

    def with_uuid(self, text):
        """The row with this uuid; none if the text, which may come from a query string, is no uuid."""
        return self.filter(uuid=text) if is_uuid(text) else self.none()

    def newest_first(self):
        return self.order_by("-created_at", "-id")


class OwnedModel(models.Model):
    """A subclass has a foreign key `owner`."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        abstract = True
        ordering = ["-created_at", "-id"]


def add_owner(name: str, owner_id: int) -> str:
    """Model names are unique among all users: each starts with the number of its owner."""
    return f"{owner_id}_{name}"


def remove_owner(name: str, owner_id: int) -> str:
    """The name as its owner knows it."""
    return name.removeprefix(f"{owner_id}_")
