import io

import pytest
from django.core.management import CommandError, call_command

from billing.verify import verify_ledger
from mlmodels.management.commands import train_model as command
from mlmodels.management.commands.train_model import parse_parameters
from mlmodels.models import Dataset, TrainedModel, TrainingRun, Worker
from mlmodels.operations import jobs
from mlmodels.tests.factories import houses_csv, work_off
from mlmodels.worker import loop
from mlplatform.core.commands import figures_table, progress_bar

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "houses.csv"
    path.write_bytes(houses_csv())
    return path


def train_model(*arguments):
    output = io.StringIO()
    call_command("train_model", *map(str, arguments), stdout=output)
    return output.getvalue()


def balance_of(user):
    user.refresh_from_db()
    return user.token_balance


def test_without_a_worker_the_command_trains_by_itself(alice, table):
    output = train_model(table, "--owner", "Alice@example.com", "--target", "price", "--algorithm", "linear")

    model = TrainedModel.objects.get(owner=alice)
    assert model.name in output
    assert "1 token charged" in output
    lines = [line.split() for line in output.splitlines()]
    assert ["model", "baseline"] in lines
    assert next(line[1] for line in lines if line[0] == "r2_score") == "1"
    assert balance_of(alice) == 14
    assert verify_ledger() == []
    assert not Worker.objects.exists()


def test_a_model_of_auto_may_be_an_ensemble(alice, table, monkeypatch):
    def follow_to_an_ensemble(run, show):
        run = loop.follow(run, show)
        TrainedModel.objects.filter(pk=run.trained_model.pk).update(algorithm="ensemble")
        run.refresh_from_db()
        return run

    monkeypatch.setattr(command, "follow", follow_to_an_ensemble)

    output = train_model(table, "--owner", "alice@example.com", "--target", "price", "--algorithm", "linear")

    assert "Weighted ensemble, regression of price" in output


def test_a_living_worker_does_the_training(alice, table, monkeypatch):
    Worker.objects.create(name="elsewhere")
    monkeypatch.setattr(loop.JobWorker, "work_on", lambda self, run: pytest.fail("trained by itself"))

    def train_elsewhere(seconds):
        """While the command waits."""
        if run := jobs.claim_next(worker="elsewhere"):
            jobs.fail(job=run, error="Elsewhere.", code="elsewhere")

    monkeypatch.setattr(loop.time, "sleep", train_elsewhere)

    with pytest.raises(CommandError, match="Elsewhere"):
        train_model(table, "--owner", "alice@example.com")

    assert TrainingRun.objects.get().worker == "elsewhere"


def test_parameters_are_read_in_the_types_of_the_algorithm():
    values = parse_parameters("random_forest", ["max_depth=null", "n_estimators=20", "max_features=sqrt"])

    assert values == {"max_depth": None, "n_estimators": 20, "max_features": "sqrt"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--target", "height"], "no column"),
        (["--algorithm", "magic"], "no algorithm"),
        (["--algorithm", "knn", "--param", "n_neighbors=0"], "n_neighbors must be"),
        (["--algorithm", "knn", "--param", "n_neighbors"], "NAME=VALUE"),
        (["--algorithm", "knn", "--param", "k=3"], "no parameter"),
        (["--algorithm", "knn", "--grid", "n_neighbors"], "NAME=VALUE,VALUE"),
        (["--train-percentage", "1.5"], "between 0 and 1"),
        (["--feature", "height"], "no column"),
    ],
)
def test_a_refusal_is_an_error_and_leaves_nothing(alice, table, arguments, words, files_folder):
    with pytest.raises(CommandError, match=words) as refused:
        train_model(table, "--owner", "alice@example.com", *arguments)

    assert refused.value.returncode == 1
    assert not TrainingRun.objects.exists()
    assert not Dataset.objects.exists()
    assert [path for path in files_folder.rglob("*") if path.is_file()] == []
    assert balance_of(alice) == 15


def test_a_file_that_is_not_there_is_an_error(alice, tmp_path):
    with pytest.raises(CommandError, match="cannot be read"):
        train_model(tmp_path / "nothing.csv", "--owner", "alice@example.com")


def test_an_owner_who_is_not_there_is_an_error_of_its_own(table):
    with pytest.raises(CommandError) as refused:
        train_model(table, "--owner", "nobody@example.com")

    assert refused.value.returncode == 3


def test_a_broke_owner_is_refused(charlie, table):
    with pytest.raises(CommandError, match="costs 1 token and you have 0"):
        train_model(table, "--owner", "charlie@example.com")

    assert not TrainingRun.objects.exists()


def test_a_failed_training_is_an_error_with_the_reason_and_refunded(alice, table, settings):
    settings.TRAINING_TIME_LIMIT_SECONDS = 0

    with pytest.raises(CommandError, match="failed and was refunded. The training run took longer"):
        train_model(table, "--owner", "alice@example.com")

    assert balance_of(alice) == 15


def test_not_waiting_leaves_the_run_in_the_queue(alice, table):
    output = train_model(table, "--owner", "alice@example.com", "--target", "price", "--no-wait")

    run = TrainingRun.objects.get()
    assert run.status == "queued"
    assert str(run.uuid) in output
    work_off()
    assert TrainedModel.objects.count() == 1


def test_ctrl_c_cancels_and_refunds(alice, table, ctrl_c):
    with pytest.raises(CommandError, match="cancelled and was refunded"):
        train_model(table, "--owner", "alice@example.com")

    assert balance_of(alice) == 15
    assert verify_ledger() == []


def test_progress_is_one_line_on_a_terminal_and_a_line_per_step_elsewhere():
    class Output(io.StringIO):
        def write(self, text, ending="\n"):
            super().write(text + ending)

    def shown_on(is_terminal):
        output = Output()
        output.isatty = lambda: is_terminal
        steps = [(0, ""), (0.1, "Reading"), (0.1, "Reading"), (0.5, "Fitting"), (0.6, "Fitting")]
        with progress_bar(output) as show:
            for share, note in steps:
                show(share, note)
        return output.getvalue()

    assert shown_on(is_terminal=False) == "Reading\nFitting\n"
    on_terminal = shown_on(is_terminal=True)
    assert on_terminal.count("\n") == 1
    assert on_terminal.count("\r") == 3
    assert " 60% Fitting" in on_terminal


def test_figures_stand_next_to_the_baseline():
    metrics = {"r2_score": 0.98765, "mean_squared_error": 12345678.9, "root_mean_squared_error": 1e9}

    lines = figures_table(metrics, {"r2_score": -0.001, "root_mean_squared_error": 123456789012345})

    assert [line.split() for line in lines[1:]] == [
        ["r2_score", "0.9877", "-0.001"],
        ["mean_squared_error", "12,345,679", "—"],
        ["root_mean_squared_error", "1,000,000,000", "123,456,789,012,345"],
    ]


def test_the_evaluation_budget_and_search_reach_the_plan(alice, table):
    train_model(
        *(table, "--owner", "alice@example.com", "--target", "price", "--algorithm", "ridge", "--no-wait"),
        *("--search", "random", "--budget", "7", "--evaluation", "group", "--by", "place"),
    )

    plan = TrainingRun.objects.get().plan
    assert (plan["search"], plan["budget_seconds"]) == ("random", 7)
    assert (plan["evaluation"]["kind"], plan["evaluation"]["by"]) == ("group", "place")


def test_a_grid_is_read_in_the_types_of_the_parameters(alice, table):
    train_model(
        *(table, "--owner", "alice@example.com", "--target", "price", "--algorithm", "decision_tree"),
        *("--grid", "max_depth=2,none", "--grid", "min_samples_leaf=1,5", "--no-wait"),
    )

    assert TrainingRun.objects.get().plan["grid"] == {"max_depth": [2, None], "min_samples_leaf": [1, 5]}


def test_an_evaluation_by_an_unknown_column_is_refused_and_costs_nothing(alice, table):
    with pytest.raises(CommandError, match="garden"):
        train_model(table, "--owner", "alice@example.com", "--evaluation", "time", "--by", "garden")

    assert balance_of(alice) == 15
