"""Names under which models answer besides their own, so that client code never has to change."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from mlmodels.models.trained_models import TrainedModel


class ModelAlias(models.Model):
    """A further name of a model. `operations.aliases` makes sure that no model has it as its own name."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="model_aliases"
    )
    name = models.CharField(max_length=200, unique=True, help_text="begins with its owner's number")
    model = models.ForeignKey(TrainedModel, on_delete=models.CASCADE, related_name="aliases")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "model aliases"
        ordering = ["name"]

    def __str__(self):
        return self.name


class Promotion(models.Model):
    """An entry in the history of an alias: from `promoted_at` on, this model answered under it."""

    alias = models.ForeignKey(ModelAlias, on_delete=models.CASCADE, related_name="promotions")
    model = models.ForeignKey(TrainedModel, on_delete=models.SET_NULL, null=True, related_name="promotions")
    model_name = models.CharField(max_length=200)
    promoted_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-promoted_at", "-id"]

    def __str__(self):
        return f"{self.alias} is {self.model_name}"
