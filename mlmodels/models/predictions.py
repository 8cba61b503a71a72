"""Stored predictions."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from mlmodels.limits import VARIATION_MINUTES, VARIATIONS_MAX
from mlmodels.models.ownership import OwnedModel, OwnedQuerySet
from mlmodels.models.trained_models import TrainedModel, may_use_model


class PredictionQuerySet(OwnedQuerySet):
    def for_api_lists(self, user):
        """With the fields that a list over the API shows, and whether `user` may use the model."""
        fields = [
            "uuid", "created_at", "model_name", "inputs", "output", "cost_tokens", "actual", "actual_at",
        ]  # fmt: skip
        found = self.annotate(may_use_model=may_use_model(user))
        return found.select_related("model").only(*fields, "model__name")

    def for_page_lists(self, user):
        """With the fields of the model that format inputs and answers on a page; each model is read once."""
        fields = ["owner", "name", "label", "task", "target", "features"]
        found = self.annotate(may_use_model=may_use_model(user))
        return found.prefetch_related(models.Prefetch("model", TrainedModel.objects.only(*fields)))

    def in_order(self, keys):
        """The rows with these primary keys, in their order; without any that was erased in the meantime.

        A list finds the keys of its page in the index of the owner's predictions, and reads only these rows.
        Cut as a whole, PostgreSQL would join and annotate all the rows before a page just to skip them.
        """
        found = self.stored().in_bulk(list(keys))
        return [found[key] for key in keys if key in found]

    def stored(self):
        """Those whose contents have not been erased."""
        return self.filter(erased_at=None)

    def erase(self):
        """Empties inputs and outputs; the rows stay, because the ledger refers to them."""
        return self.stored().update(
            inputs=None, output=None, actual=None, actual_at=None, erased_at=timezone.now()
        )

    def with_actual(self):
        return self.filter(actual_at__isnull=False)


class Prediction(OwnedModel):
    """One row sent to a model, with its result."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="predictions", db_index=False
    )
    model = models.ForeignKey(
        TrainedModel, on_delete=models.SET_NULL, null=True, blank=True, related_name="predictions"
    )
    model_name = models.CharField(max_length=200)
    inputs = models.JSONField(null=True, help_text="the row as it was understood")
    output = models.JSONField(null=True)
    cost_tokens = models.PositiveIntegerField()
    variations = models.PositiveSmallIntegerField(default=0, help_text="free ones that were asked for")
    erased_at = models.DateTimeField(null=True, blank=True)
    actual = models.JSONField(null=True, blank=True, help_text="what came in the end: a number or a class")
    actual_at = models.DateTimeField(null=True, blank=True, help_text="when that was last said")

    objects = PredictionQuerySet.as_manager()

    class Meta(OwnedModel.Meta):
        indexes = [  # each is written with every prediction
            models.Index(
                fields=["owner", "-created_at", "-id"],
                condition=Q(erased_at__isnull=True),
                name="prediction_stored_of_owner",
            ),
            models.Index(
                fields=["model", "-created_at"],
                condition=Q(actual_at__isnull=False),
                name="prediction_with_actual",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(erased_at__isnull=False) | Q(output__isnull=False),
                name="prediction_has_its_output_until_erased",
            ),
        ]

    def __str__(self):
        return f"{self.model_name} {self.uuid}"

    @property
    def can_vary(self):
        """Whether variations of its row are free; `operations.explanations` decides when one is asked for."""
        return self.variations < VARIATIONS_MAX and timezone.now() < self.created_at + timedelta(
            minutes=VARIATION_MINUTES
        )

    @property
    def reference(self):
        return f"prediction:{self.uuid}"

    @property
    def ranked_probabilities(self):
        """Pairs of class and probability, the likeliest first; none if a number is predicted."""
        return sorted(self.output.get("probabilities", {}).items(), key=lambda item: -item[1])
