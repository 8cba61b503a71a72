from django.core.management.base import CommandError

from mlmodels.lookups import dataset_called
from mlmodels.management.commands.predict import find_model
from mlmodels.management.commands.train_model import report
from mlmodels.operations.training import retrain
from mlmodels.worker.reproduction import is_reproduced
from mlplatform.core import commands
from mlplatform.core.commands import progress_bar


class Command(commands.Command):
    help = "Trains a model as it was trained, on the newest data, or shows that the same model comes out."
    epilog = """
Without --verify its owner pays for a new training run on the newest version of the dataset, with the same
options, and gets a new model, which is compared with the old one on the new rows. With --verify nothing is
charged or kept: the candidates of the first run are fitted again on its own version, and the file is compared
with that of the model.

exit codes:
  0  trained, or the same bit for bit
  1  refused, failed or cancelled; with --verify: another model came out
  2  wrong usage

examples:
  manage.py retrain 1_houses
  manage.py retrain 1_houses --dataset houses-2027
  manage.py retrain 1_houses --verify
"""

    def add_arguments(self, parser):
        parser.add_argument("model", help="name of the model")
        parser.add_argument("--verify", action="store_true", help="compare, charge and keep nothing")
        parser.add_argument(
            "--dataset",
            metavar="NAME",
            help="name or id of another dataset of the owner; default: the newest version of the model's own",
        )
        parser.add_argument(
            "--name", default="", help="name of the new model; default: houses_2 after houses"
        )

    def handle(self, *, model, verify, dataset, name, **options):
        model = find_model(model)
        if not verify:
            on = dataset and dataset_called(model.owner, dataset)
            report(self.stdout, retrain(model=model, dataset=on, model_name=name))
            return
        with progress_bar(self.stdout) as show:
            is_same = is_reproduced(model, show)
        if not is_same:
            raise CommandError(
                f"Another model came out. {model.name} was made with {versions(model)}; the libraries, the "
                "platform or the file differ."
            )
        self.stdout.write(f"The same: {model.name} was made again, bit for bit (SHA-256 {model.sha256}).")


def versions(model) -> str:
    return ", ".join(f"{name} {version}" for name, version in model.library_versions.items())
