from pathlib import Path

from django.core.files import File
from django.core.management.base import CommandError

from billing.management.commands.grant_tokens import find_user
from billing.operations import count_tokens
from mlmodels.learning import trainers
from mlmodels.models import TrainingRun
from mlmodels.operations.training import train_on_upload
from mlmodels.worker.loop import follow
from mlplatform.core import commands
from mlplatform.core.commands import ProgressBar, figures_table
from mlplatform.core.errors import DomainError


class Command(commands.Command):
    help = (
        "Trains a model on a CSV file, charges its owner as every other door does, and prints how good the "
        "model is, next to the baseline."
    )
    epilog = """
A running worker does the training; without one this command does it itself. Ctrl-C cancels it, refunded.

exit codes:
  0  trained (or queued, with --no-wait)
  1  refused, and nothing was charged; or failed or cancelled, and refunded
  2  wrong usage
  3  there is no such user

examples:
  manage.py train_model houses.csv --owner alice@example.com --target price
  manage.py train_model houses.csv --owner alice@example.com --target price \\
      --algorithm random_forest --param n_estimators=200 --param max_depth=8
"""

    def add_arguments(self, parser):
        parser.add_argument("csv", type=Path, help="the table, with a header row")
        parser.add_argument(
            "--owner", required=True, metavar="EMAIL", help="who pays for the model and gets it"
        )
        parser.add_argument("--target", help="column to predict; default: the one that the table suggests")
        parser.add_argument(
            "--feature",
            action="append",
            metavar="COLUMN",
            help="column to predict from, may be repeated; default: all that look useful",
        )
        parser.add_argument("--algorithm", default="auto", help=f"one of {', '.join(trainers.TRAINERS)}")
        parser.add_argument("--task", choices=trainers.TASKS, help="default: what the target suggests")
        parser.add_argument(
            "--param",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="of the algorithm, may be repeated",
        )
        parser.add_argument(
            "--train-percentage", type=float, default=0.8, help="share of rows to learn from (0.8)"
        )
        parser.add_argument("--name", default="", help="name of the model; default: one with date and time")
        parser.add_argument("--no-wait", action="store_true", help="queue it for a worker and return at once")

    def handle(self, *, no_wait, **options):
        try:
            run = order_training(options)
        except DomainError as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"{count_tokens(run.cost_tokens)} charged for {run.model_name}.")
        if no_wait:
            self.stdout.write(f"Queued as run {run.uuid}.")
            return
        bar = ProgressBar(self.stdout)
        run = follow(run, bar.show)
        bar.close()
        if run.status != TrainingRun.Status.SUCCEEDED:
            raise CommandError(f"The training {run.status} and is refunded. {run.error}".strip())
        self.print_model(run.trained_model)

    def print_model(self, model):
        self.stdout.write(
            f"{model.name}: {trainers.get(model.algorithm).label}, {model.task} of {model.target['name']}"
        )
        for line in figures_table(model.metrics, model.baseline):
            self.stdout.write(line)


def order_training(options) -> TrainingRun:
    owner = find_user(options["owner"])
    try:
        with options["csv"].open("rb") as handle:
            return train_on_upload(
                owner=owner,
                upload=File(handle),
                name=options["csv"].name,
                algorithm=options["algorithm"],
                target=options["target"],
                features=options["feature"],
                task=options["task"],
                parameters=parse_parameters(options["algorithm"], options["param"]),
                train_percentage=options["train_percentage"],
                model_name=options["name"],
            )
    except OSError as error:
        raise CommandError(f"{options['csv']} cannot be read: {error.strerror}.") from error


def parse_parameters(algorithm: str, pairs: list[str]) -> dict:
    """`["max_depth=8"]` as values of the algorithm's own types."""
    known = {parameter.name: parameter for parameter in trainers.get(algorithm).parameters}
    values = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise CommandError(f"--param takes NAME=VALUE, not {pair!r}.")
        values[name] = known[name].parse(text) if name in known else text
    return values
