from django.db import models


class LedgerSumField(models.BigIntegerField):
    """A cached sum of an account's ledger entries: `save()` reads it and never writes it.

    Otherwise an instance that was loaded before a charge and saved after it would give the tokens back. A new
    row starts at zero, whatever the instance says: tokens come from `billing.operations.grant`.
    """

    def __init__(self, *args, **options):
        super().__init__(*args, **{**options, "default": 0, "editable": False})

    def pre_save(self, model_instance, add):
        if add:
            setattr(model_instance, self.attname, 0)
            return 0
        return models.F(self.attname)

    def deconstruct(self):
        """Migrations see a BigIntegerField, so that no schema depends on this module."""
        name, _, args, options = super().deconstruct()
        return name, "django.db.models.BigIntegerField", args, options
