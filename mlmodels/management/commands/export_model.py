from pathlib import Path

from django.core.management.base import CommandError

from mlmodels.downloads import exported
from mlmodels.management.commands.predict import find_model
from mlmodels.operations.exports import FORMATS
from mlplatform.core import commands


class Command(commands.Command):
    help = "Writes a model to a file, for use elsewhere. It costs nothing."
    epilog = """
skops   read without running code from the file; `import_model` takes it
joblib  the fitted scikit-learn pipeline; loading it runs what is in it
onnx    for other languages, if it predicts the same on rows of the dataset
bundle  a ZIP with the pipeline, its description, and scripts that predict and rebuild without this software

exit codes:
  0  written; the path is the only line of standard output
  1  refused, such as a model that ONNX would not predict alike, or a file that exists already
  2  wrong usage

examples:
  manage.py export_model 1_houses
  manage.py export_model 1_houses --format bundle --out /tmp/houses.zip
"""

    def add_arguments(self, parser):
        parser.add_argument("model", help="name of the model")
        parser.add_argument("--format", choices=FORMATS, default="skops", help="default: skops")
        parser.add_argument(
            "--out", type=Path, help="file to write, which must not exist yet; default: its name here"
        )

    def handle(self, *, model, format, out, **options):
        file = exported(find_model(model), format)
        out = out or Path(file.name)
        try:
            with out.open("xb") as target:
                target.write(file.data)
        except OSError as error:
            raise CommandError(f"{out} cannot be written: {error.strerror}.") from error
        self.stdout.write(str(out))
