from django.apps import AppConfig
from django.core import checks
from django.db.models.signals import post_migrate


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self):
        from billing.checks import check_ledger_is_append_only

        post_migrate.connect(install_triggers, sender=self)
        checks.register(check_ledger_is_append_only, checks.Tags.database)


def install_triggers(**kwargs):
    from billing import triggers

    triggers.install()
