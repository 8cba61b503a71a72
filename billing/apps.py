from django.apps import AppConfig
from django.core.checks import Tags, register
from django.db.models.signals import post_migrate


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self):
        from billing import checks, triggers

        post_migrate.connect(triggers.install, sender=self)
        register(checks.check_ledger_is_append_only, Tags.database)
        register(checks.check_webhook_secret, Tags.security)
