"""Names under which models answer besides their own, so that client code calls one name for ever."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from mlmodels.models.trained_models import TrainedModel


class ModelAlias(models.Model):
    """A name that stands for a model. No model has it as its own: `operations.aliases` sees to that."""

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
    """A line of an alias's history: from then on this model answered under it."""

    alias = models.ForeignKey(ModelAlias, on_delete=models.CASCADE, related_name="promotions")
    model = models.ForeignKey(TrainedModel, on_delete=models.SET_NULL, null=True, related_name="promotions")
    model_name = models.CharField(max_length=200)
    promoted_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-promoted_at", "-id"]

    def __str__(self):
        return f"{self.alias} is {self.model_name}"
