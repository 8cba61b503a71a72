from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mlmodels', '0017_queue_order'),
    ]

    operations = [
        migrations.AddField(
            model_name='pendingfile',
            name='is_given_up',
            field=models.BooleanField(db_default=False, default=False, help_text='is being deleted, so it gets no row any more'),
        ),
    ]
