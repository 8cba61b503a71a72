from pathlib import Path

from django.core.files import File
from django.core.management.base import CommandError

from mlmodels.learning import trainers
from mlmodels.learning.trainers.plan import EVALUATIONS, SEARCHES
from mlmodels.models import TrainingRun
from mlmodels.operations.training import train_on_upload
from mlmodels.worker.loop import follow
from mlplatform.core import commands
from mlplatform.core.commands import figures_table, find_user, progress_bar
from mlplatform.core.text import plural


class Command(commands.Command):
    help = (
        "Trains a model on a CSV file, charges its owner, and prints the metrics of the model and of the "
        "baseline."
    )
    epilog = """
A running worker does the training; without one, this command does it. Ctrl-C cancels it with a refund.

exit codes:
  0  trained (or queued, with --no-wait)
  1  refused, and nothing was charged; or failed or cancelled, and refunded
  2  wrong usage
  3  there is no such user

examples:
  manage.py train_model houses.csv --owner alice@example.com --target price
  manage.py train_model houses.csv --owner alice@example.com --target price \\
      --algorithm random_forest --param n_estimators=200 --param max_depth=8
  manage.py train_model sales.csv --owner alice@example.com --target sold --budget 30 \\
      --evaluation time --by date
"""

    def add_arguments(self, parser):
        parser.add_argument("csv", type=Path, help="CSV file with a header row")
        parser.add_argument(
            "--owner", required=True, metavar="EMAIL", help="user who pays for the model and owns it"
        )
        parser.add_argument("--name", default="", help="name of the model; default: made from date and time")
        parser.add_argument(
            "--no-wait", action="store_true", help="queue the training run for a worker and return"
        )
        add_columns(parser.add_argument_group("columns"))
        add_algorithm(parser.add_argument_group("algorithm"))
        add_search(parser.add_argument_group("search"))
        add_evaluation(parser.add_argument_group("evaluation"))

    def handle(self, *, no_wait, **options):
        run = start_training(options)
        self.stdout.write(f"{plural(run.cost_tokens, 'token')} charged for {run.model_name}.")
        if no_wait:
            self.stdout.write(f"Queued as training run {run.uuid}.")
            return
        report(self.stdout, run)


def add_columns(group) -> None:
    group.add_argument("--target", help="column to predict; default: detected from the dataset")
    group.add_argument(
        "--feature",
        action="append",
        metavar="COLUMN",
        help="column to predict from, can be repeated; default: all usable columns",
    )
    group.add_argument("--task", choices=trainers.TASKS, help="default: depends on the target")


def add_algorithm(group) -> None:
    group.add_argument("--algorithm", default="auto", help=f"one of {', '.join(trainers.TRAINERS)}")
    group.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="parameter of the algorithm, can be repeated",
    )
    group.add_argument(
        "--budget",
        type=float,
        metavar="SECONDS",
        help="time that auto or a search may take; default: AUTO_BUDGET_SECONDS",
    )


def add_search(group) -> None:
    group.add_argument(
        "--search",
        choices=SEARCHES,
        help="try values of the algorithm's parameters: all of a grid, or drawn",
    )
    group.add_argument(
        "--grid",
        action="append",
        default=[],
        metavar="NAME=VALUE,VALUE",
        help="values of a parameter to try, can be repeated",
    )


def add_evaluation(group) -> None:
    group.add_argument(
        "--evaluation",
        choices=EVALUATIONS,
        help="how test rows are chosen; default: as the dataset suggests, mostly hold_out",
    )
    group.add_argument("--by", metavar="COLUMN", help="date or group that the evaluation goes by")
    group.add_argument("--folds", type=int, help="number of folds of k_fold (5)")
    group.add_argument("--train-percentage", type=float, help="share of rows used for training (0.8)")
    group.add_argument(
        "--learning-curve", action="store_true", help="measure how the score grows with the rows"
    )


def report(output, run: TrainingRun) -> None:
    """Follows the run to its end, and prints its model."""
    with progress_bar(output) as show:
        run = follow(run, show)
    if run.status != TrainingRun.Status.SUCCEEDED:
        raise CommandError(f"The training run {run.status} and was refunded. {run.error}".strip())
    model = run.trained_model
    label = trainers.label_of(model.algorithm)
    output.write(f"{model.name}: {label}, {model.task} of {model.target['name']}")
    if verdict := model.report.get("verdict"):
        output.write(verdict["sentence"])
    output.write("\n".join(figures_table(model.metrics, model.baseline)))


def start_training(options) -> TrainingRun:
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
                evaluation=evaluation_of(options),
                budget_seconds=options["budget"],
                search=options["search"],
                grid=parse_grid(options["algorithm"], options["grid"]),
                learning_curve=options["learning_curve"],
                model_name=options["name"],
            )
    except OSError as error:
        raise CommandError(f"{options['csv']} cannot be read: {error.strerror}.") from error


def evaluation_of(options) -> dict | None:
    """What was given of it; None for what the dataset suggests."""
    fields = ("train_percentage", "folds", "by")
    given = {name: options[name] for name in fields if options[name] is not None}
    if options["evaluation"]:
        given["kind"] = options["evaluation"]
    return given or None


def parse_grid(algorithm: str, pairs: list[str]) -> dict | None:
    """`["max_depth=2,4"]` -> `{"max_depth": [2, 4]}`; None without any."""
    grid = {}
    for pair in pairs:
        name, equals, texts = pair.partition("=")
        if not equals:
            raise CommandError(f"--grid takes NAME=VALUE,VALUE, not {pair!r}.")
        grid[name] = [parse_parameters(algorithm, [f"{name}={text}"])[name] for text in texts.split(",")]
    return grid or None


def parse_parameters(algorithm: str, pairs: list[str]) -> dict:
    """`["max_depth=8"]` -> `{"max_depth": 8}`, in the types of the algorithm's parameters."""
    known = {parameter.name: parameter for parameter in trainers.get(algorithm).parameters}
    values = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise CommandError(f"--param takes NAME=VALUE, not {pair!r}.")
        values[name] = known[name].parse(text) if name in known else text
    return values
