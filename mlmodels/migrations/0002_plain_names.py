from django.db import migrations


def rename_key(old, new):
    """Leaderboards and importances stored their standard deviation under a name of ours."""

    def run(apps, schema_editor):
        for run in apps.get_model("mlmodels", "TrainingRun").objects.exclude(candidates=[]).iterator():
            renamed = [{new if key == old else key: value for key, value in row.items()} for row in run.candidates]
            if renamed != run.candidates:
                run.candidates = renamed
                run.save(update_fields=["candidates"])
        for model in apps.get_model("mlmodels", "TrainedModel").objects.iterator():
            report = model.report
            lists = [report.get("candidates") or [], (report.get("importance") or {}).get("columns") or []]
            for row in (row for rows in lists for row in rows if old in row):
                row[new] = row.pop(old)
            model.save(update_fields=["report"])

    return run


class Migration(migrations.Migration):
    dependencies = [("mlmodels", "0001_initial")]

    operations = [
        migrations.RenameModel("LooseFile", "PendingFile"),
        migrations.RenameField("PendingFile", "announced_at", "registered_at"),
        migrations.RunPython(rename_key("spread", "std"), rename_key("std", "spread")),
    ]
