from django.db import migrations, models

SUM_UP = """
    UPDATE accounts_user SET tokens_spent = COALESCE(
        (
            SELECT -SUM(amount) FROM billing_ledgerentry
            WHERE account_id = accounts_user.id AND kind IN ('charge', 'refund')
        ),
        0
    )
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_index_token_expiry"), ("billing", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="tokens_spent",
            field=models.BigIntegerField(default=0, editable=False),
        ),
        migrations.RunSQL(SUM_UP, migrations.RunSQL.noop),
    ]
