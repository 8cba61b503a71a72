import logging

from django.db import migrations

from accounts.models import UserManager

logger = logging.getLogger(__name__)


def normalize_emails(apps, schema_editor):
    """A row whose normalized address belongs to another account stays as it is and is reported."""
    users = apps.get_model("accounts", "User").objects.filter(removed_at=None)
    for pk, email in users.values_list("pk", "email").order_by("pk").iterator():
        normalized = UserManager.normalize_email(email)
        if normalized == email:
            continue
        if users.filter(email=normalized).exists():
            logger.warning("User %s has the e-mail address of another account in another spelling.", pk)
        else:
            users.filter(pk=pk).update(email=normalized)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.RunPython(normalize_emails, migrations.RunPython.noop),
    ]
