"""Files without a row."""

from django.db import models
from django.db.models.functions import Now


class PendingFile(models.Model):
    """A stored file whose row is not written yet, or was deleted: see `operations.pending_files`."""

    name = models.CharField(max_length=200, unique=True)
    registered_at = models.DateTimeField(db_default=Now())
    is_given_up = models.BooleanField(
        default=False, db_default=False, help_text="is being deleted, so it gets no row any more"
    )

    def __str__(self):
        return self.name
