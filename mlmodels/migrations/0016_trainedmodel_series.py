from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def note_series(apps, schema_editor):
    """Of datasets that are still there; of the others it is lost."""
    datasets = apps.get_model("mlmodels", "Dataset").objects.filter(pk=OuterRef("dataset_id"))
    models_with_dataset = apps.get_model("mlmodels", "TrainedModel").objects.filter(dataset__isnull=False)
    models_with_dataset.update(series=Subquery(datasets.values("series")))


class Migration(migrations.Migration):
    dependencies = [
        ("mlmodels", "0015_index_stored_predictions"),
    ]

    operations = [
        migrations.AddField(
            model_name="trainedmodel",
            name="series",
            field=models.UUIDField(
                editable=False,
                help_text="of its dataset; still known once that version is deleted",
                null=True,
            ),
        ),
        migrations.RunPython(note_series, migrations.RunPython.noop),
    ]
