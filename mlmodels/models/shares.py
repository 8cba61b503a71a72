"""Shares of models with other accounts, and links to reports."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from mlmodels.models.ownership import OwnedModel, OwnedQuerySet
from mlmodels.models.trained_models import LARGE_FIELDS, TrainedModel


class SharedQuerySet(OwnedQuerySet):
    def owned_by(self, user):
        return self.filter(model__owner=user)

    def unrevoked(self):
        return self.filter(revoked_at=None)

    def revoke(self) -> int:
        return self.unrevoked().update(revoked_at=timezone.now())


class ModelShareQuerySet(SharedQuerySet):
    def of_account(self, user):
        """Those by which the user may use models of others, with the models, newest first."""
        shares = self.filter(shared_with=user).unrevoked().select_related("model__owner").newest_first()
        return shares.defer(*(f"model__{field}" for field in LARGE_FIELDS))


class ModelShare(OwnedModel):
    """A model is shared with an e-mail address. Only an account that had it then may use the model.

    A row for an address without an account looks the same to the owner, who must not learn who has one.
    """

    model = models.ForeignKey(TrainedModel, on_delete=models.CASCADE, related_name="shares")
    email = models.EmailField("e-mail address")
    shared_with = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="model_shares",
    )
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ModelShareQuerySet.as_manager()

    class Meta(OwnedModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["model", "email"], condition=Q(revoked_at=None), name="model_share_once_per_address"
            ),
        ]

    def __str__(self):
        return f"{self.model} with {self.email}"

    @property
    def model_name(self):
        return self.model.name


class ReportLinkQuerySet(SharedQuerySet):
    def open(self):
        return self.unrevoked().filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))


class ReportLink(OwnedModel):
    """Whoever has the link reads the report of a model. Of its token only a hash is kept."""

    model = models.ForeignKey(TrainedModel, on_delete=models.CASCADE, related_name="report_links")
    hash = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256 of the token")
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ReportLinkQuerySet.as_manager()

    def __str__(self):
        return f"report of {self.model}"

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()
