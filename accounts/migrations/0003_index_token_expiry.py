from django.db import migrations, models


class Migration(migrations.Migration):
    """Apart from the data migration: PostgreSQL does not alter a table with pending changes."""

    dependencies = [("accounts", "0002_normalize_emails")]

    operations = [
        migrations.AlterField("tokenfamily", "expires_at", models.DateTimeField(db_index=True)),
    ]
