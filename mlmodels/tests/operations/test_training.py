import re
import time
from datetime import timedelta

import pytest
from django.db.models import F

from billing.idempotency import IdempotentRequest, RequestRepeated, find
from billing.operations import InsufficientTokens
from billing.verify import verify_ledger
from mlmodels.errors import (
    JobEnded,
    NameTaken,
    RoomExceeded,
    TooManyCancelledJobs,
    TooManyOpenRuns,
    UnknownColumn,
)
from mlmodels.models import TrainedModel, TrainingRun
from mlmodels.operations import datasets, jobs, training
from mlmodels.tests.factories import make_dataset, make_model_row, start_run
from mlmodels.tests.quick import train_now
from mlplatform.core.errors import DomainError, InvalidInput, NotFound

pytestmark = pytest.mark.django_db

WORDS = b"a,b,word,same,none,number\n" + b"".join(
    b"%d,%d,w%d,1,,%d\n" % (i, i % 3, i, i * i) for i in range(150)
)


def amounts_of(user):
    user.refresh_from_db()
    amounts = list(user.ledger_entries.order_by("seq").values_list("amount", flat=True))
    assert user.token_balance == sum(amounts)
    return amounts


def test_a_training_is_charged_and_queued(alice):
    dataset = make_dataset(alice)

    run = start_run(alice, dataset, algorithm="ridge", parameters={"alpha": 2})

    run.refresh_from_db()
    assert (run.status, run.attempt, run.cost_tokens) == ("queued", 0, 1)
    assert run.plan["parameters"]["alpha"] == 2
    assert [column["name"] for column in run.features] == ["size", "rooms", "place"]
    assert run.target_column["name"] == "price"
    assert amounts_of(alice) == [15, -1]
    entry = alice.ledger_entries.get(amount=-1)
    assert (entry.operation, entry.reference) == (f"run:{run.uuid}:charge", f"run:{run.uuid}")


def test_without_an_order_the_table_decides(alice):
    run = training.start_training(owner=alice, dataset=make_dataset(alice))

    assert (run.algorithm, run.target, run.task) == ("auto", "price", "regression")


@pytest.mark.parametrize(
    ("order", "task"),
    [
        ({"target": "place"}, "classification"),
        ({"target": "rooms"}, "classification"),
        ({"target": "rooms", "algorithm": "linear"}, "regression"),
        ({"target": "rooms", "task": "regression"}, "regression"),
        ({"target": "rooms", "algorithm": "logistic"}, "classification"),
    ],
)
def test_the_task_follows_from_target_and_algorithm(alice, order, task):
    assert start_run(alice, **{"algorithm": "knn", **order}).task == task


REFUSED_ORDERS = {
    "unknown algorithm": {"algorithm": "magic"},
    "algorithm that is no text": {"algorithm": ["knn"]},
    "unknown target": {"target": "height"},
    "unknown feature": {"features": ["a", "height"]},
    "target that is no text": {"target": ["number"]},
    "feature that is no text": {"features": [["a"]]},
    "no feature": {"features": []},
    "feature twice": {"features": ["a", "a"]},
    "target among the features": {"features": ["a", "number"]},
    "empty feature": {"features": ["a", "none"]},
    "target with one value": {"target": "same"},
    "target without a value": {"target": "none"},
    "too many classes": {"target": "word"},
    "words for a regression": {"target": "word", "algorithm": "linear"},
    "unknown task": {"task": "clustering"},
    "task that the algorithm has not": {"algorithm": "linear", "task": "classification"},
    "unknown parameter": {"algorithm": "knn", "parameters": {"k": 3}},
    "parameter out of range": {"algorithm": "knn", "parameters": {"n_neighbors": 0}},
    "parameter of another type": {"algorithm": "knn", "parameters": {"n_neighbors": "5"}},
    "parameter that is true": {"algorithm": "knn", "parameters": {"n_neighbors": True}},
    "parameter that is NaN": {"algorithm": "ridge", "parameters": {"alpha": float("nan")}},
    "parameters in a list": {"algorithm": "knn", "parameters": ["n_neighbors"]},
    "more neighbours than rows": {
        "algorithm": "knn",
        "parameters": {"n_neighbors": 90},
        "train_percentage": 0.5,
    },
    "nothing to learn from": {"train_percentage": 0},
    "nothing to check on": {"train_percentage": 1},
    "hardly a row to learn from": {"train_percentage": 0.01},
    "share that is no number": {"train_percentage": "0.8"},
    "share that is NaN": {"train_percentage": float("nan")},
    "grid of an algorithm without one": {"algorithm": "auto", "grid": {}},
    "grid too large": {"algorithm": "knn", "grid": {"n_neighbors": list(range(1, 60))}},
    "grid of nothing": {"algorithm": "knn", "grid": {"n_neighbors": []}},
    "grid of an unknown parameter": {"algorithm": "knn", "grid": {"k": [1]}},
    "grid that is a list": {"algorithm": "knn", "grid": ["n_neighbors"]},
    "name too long": {"model_name": "x" * 101},
}


@pytest.mark.parametrize("order", REFUSED_ORDERS.values(), ids=REFUSED_ORDERS)
def test_a_refused_order_costs_nothing_and_leaves_nothing(alice, order):
    dataset = make_dataset(alice, WORDS)

    with pytest.raises(InvalidInput) as refused:
        training.start_training(owner=alice, dataset=dataset, **{"target": "number", **order})

    assert re.search(r"[.?]$", refused.value.message)
    assert not TrainingRun.objects.exists()
    assert amounts_of(alice) == [15]


def small_table(targets) -> bytes:
    lines = [f"{40 + number * 3.5},{number * 7 % 5},g{number % 3},{value}" for number, value in targets]
    return "\n".join(["size,rooms,place,goal", *lines]).encode()


def of_numbers(rows: int) -> bytes:
    return small_table((number, 100.5 + number**2) for number in range(rows))


def of_classes(*sizes: int) -> bytes:
    words = [f"c{number}" for number, size in enumerate(sizes) for _ in range(size)]
    return small_table(enumerate(words))


K_FOLD = {"evaluation": {"kind": "k_fold"}}
WEIGHTED = {"parameters": {"class_weight": "balanced"}}
TOO_SMALL = {
    "nothing to compare on": (of_numbers(3), {"algorithm": "auto"}, "Add more rows, or choose a decision"),
    "one row more": (of_numbers(4), {"algorithm": "auto"}, "Add more rows"),
    "no penalty to find": (of_numbers(3), {"algorithm": "ridge"}, "Add more rows"),
    "no penalty in four rows": (of_numbers(4), {"algorithm": "elastic_net"}, "Add more rows"),
    "too few neighbors": (of_numbers(5), {"algorithm": "knn"}, "Choose 4 or less, or add more rows"),
    "too few neighbors for a part": (of_numbers(6), {"algorithm": "knn", **K_FOLD}, "Choose 4 or less"),
    "no parts": (of_numbers(3), {"algorithm": "linear", **K_FOLD}, "Add more rows"),
    "too few rows for a grid": (of_numbers(12), {"algorithm": "knn", "search": "grid"}, "Choose 6 or less"),
    "rows of one group": (
        of_numbers(3).replace(b"g1", b"g0").replace(b"g2", b"g0"),
        {"algorithm": "linear", "features": ["size"], "evaluation": {"kind": "group", "by": "place"}},
        "Choose another evaluation",
    ),
    "too small a share of the groups": (
        of_numbers(12),
        {
            "algorithm": "linear",
            "features": ["size"],
            "evaluation": {"kind": "group", "by": "place", "train_percentage": 0.2},
        },
        "another train_percentage",
    ),
    "classes that no part of the groups shares": (
        of_classes(1, 1, 1),
        {"algorithm": "decision_tree", "evaluation": {"kind": "k_fold"}},
        "Add more rows",
    ),
    "groups of single classes": (
        of_classes(*[1] * 12),
        {"algorithm": "auto", "features": ["size"], "evaluation": {"kind": "group", "by": "place"}},
        "Add more rows",
    ),
    "a row for each class": (of_classes(1, 1, 1), {"algorithm": "auto"}, "Add rows"),
    "one row beside a class": (of_classes(3, 1), {"algorithm": "logistic", **WEIGHTED}, "Add"),
    "many classes of three rows": (of_classes(*[3] * 30), {"algorithm": "knn"}, "Add more rows"),
}


@pytest.mark.parametrize(("table", "order", "advice"), TOO_SMALL.values(), ids=TOO_SMALL)
def test_a_table_that_cannot_be_divided_is_refused_before_it_is_paid_for(alice, table, order, advice):
    dataset = make_dataset(alice, table)

    with pytest.raises(InvalidInput, match=advice):
        start_run(alice, dataset, target="goal", **order)

    assert not TrainingRun.objects.exists()
    assert amounts_of(alice) == [15]


@pytest.mark.parametrize("table", [of_numbers(5), of_numbers(8), of_classes(4, 2, 1), of_classes(3, 3)])
@pytest.mark.parametrize("algorithm", ["ridge", "logistic", "decision_tree", "gradient_boosting"])
def test_what_is_paid_for_on_a_small_table_becomes_a_model(alice, table, algorithm):
    try:
        run = start_run(alice, make_dataset(alice, table), target="goal", algorithm=algorithm)
    except InvalidInput:
        assert amounts_of(alice) == [15]
        return

    run = train_now(run)

    assert (run.status, run.error) == ("succeeded", "")
    assert amounts_of(alice) == [15, -1]


def test_a_class_of_one_row_is_measured_by_folds_as_well(alice):
    """The model of the fold that the row is predicted by has never seen its class."""
    table = of_classes(20, 20, 1)

    run = train_now(
        start_run(alice, make_dataset(alice, table), target="goal", algorithm="decision_tree", **K_FOLD)
    )

    assert (run.status, run.error) == ("succeeded", "")
    assert run.trained_model.report["evaluation"]["test_rows"] == 41


def test_an_unknown_column_is_refused_with_the_known_ones(alice):
    with pytest.raises(UnknownColumn, match="size, rooms, place, price"):
        start_run(alice, target="height")


def test_another_persons_data_set_is_unknown(alice, bob):
    with pytest.raises(NotFound):
        start_run(bob, make_dataset(alice))

    assert amounts_of(bob) == [15]


def test_a_data_set_that_was_deleted_meanwhile_is_refused_and_costs_nothing(alice):
    dataset = make_dataset(alice)
    datasets.delete_dataset(dataset=alice.datasets.get(pk=dataset.pk))

    with pytest.raises(NotFound, match="just deleted"):
        start_run(alice, dataset)

    assert amounts_of(alice) == [15]
    assert not TrainingRun.objects.exists()


def test_a_broke_user_is_refused_and_nothing_is_written(charlie):
    with pytest.raises(InsufficientTokens, match="costs 1 token and you have 0"):
        start_run(charlie)

    assert not TrainingRun.objects.exists()
    assert amounts_of(charlie) == []


def test_a_free_training_has_no_entry_and_no_refund(alice, settings):
    settings.TRAINING_TOKEN_COST = 0

    jobs.cancel(job=start_run(alice))

    assert amounts_of(alice) == [15]


def test_three_trainings_may_be_open_and_a_fourth_is_refused(alice, bob):
    dataset = make_dataset(alice)
    first, *_ = [start_run(alice, dataset) for _ in range(3)]

    with pytest.raises(TooManyOpenRuns, match="already have 3 training runs"):
        start_run(alice, dataset)

    assert start_run(bob)
    jobs.cancel(job=first)
    assert start_run(alice, dataset)
    assert amounts_of(alice) == [15, -1, -1, -1, 1, -1]


@pytest.mark.django_db(transaction=True)
def test_of_many_starts_at_once_three_succeed(alice, at_once):
    dataset = make_dataset(alice)

    outcomes = at_once(lambda: start_run(alice, dataset), times=10)

    assert sum(isinstance(outcome, TrainingRun) for outcome in outcomes) == 3
    assert sum(isinstance(outcome, TooManyOpenRuns) for outcome in outcomes) == 7
    assert amounts_of(alice) == [15, -1, -1, -1]
    assert verify_ledger() == []


def test_the_number_of_models_per_person_is_limited(alice, monkeypatch):
    monkeypatch.setattr(training, "MODELS_MAX", 1)
    make_model_row(alice)

    with pytest.raises(RoomExceeded, match="Delete one"):
        start_run(alice)

    assert amounts_of(alice) == [15]


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("houses", "houses"),
        ("Häuser 2026.csv", "hauser_2026"),
        ("x" * 90, "x" * 40),
        ("家.csv", "linear"),
    ],
)
def test_a_model_that_nobody_named_is_called_after_its_dataset(alice, called, name):
    dataset = make_dataset(alice, name=called)

    names = [start_run(alice, dataset).model_name for _ in range(2)]

    assert names == [f"{alice.pk}_{name}", f"{alice.pk}_{name}_2"]


def test_the_automatic_name_of_a_classic_call_tells_owner_algorithm_and_time(alice):
    name = start_run(alice, is_classic=True).model_name

    assert re.fullmatch(rf"{alice.pk}_linear_\d{{8}}_\d{{6}}_\d{{6}}", name)


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("houses", "houses"),
        ("My-houses_2", "My-houses_2"),
        ("a b/c.pkl", "a_b_c_pkl"),
        ("../../etc", "______etc"),
        ("häuser", "h_user"),
        ("<script>", "_script_"),
        ("  houses ", "houses"),
        ("x" * 100, "x" * 100),
    ],
)
def test_a_wanted_name_keeps_its_safe_characters_and_gets_the_owner_in_front(alice, wanted, name):
    assert start_run(alice, model_name=wanted).model_name == f"{alice.pk}_{name}"


def test_a_name_of_spaces_is_no_name(alice):
    assert start_run(alice, model_name="   ").model_name == f"{alice.pk}_houses"


def test_the_name_of_an_open_training_is_taken(alice):
    dataset = make_dataset(alice)
    run = start_run(alice, dataset, model_name="houses")

    with pytest.raises(NameTaken) as refused:
        start_run(alice, dataset, model_name="hou ses".replace(" ", ""))

    assert refused.value.fields.keys() == {"model_name"}
    assert amounts_of(alice) == [15, -1]
    jobs.cancel(job=run)
    assert start_run(alice, dataset, model_name="houses")


def test_the_name_of_a_model_is_taken(alice, bob):
    make_model_row(alice, name=f"{alice.pk}_houses")

    with pytest.raises(NameTaken):
        start_run(alice, model_name="houses")

    assert start_run(bob, model_name="houses")
    assert amounts_of(alice) == [15]


@pytest.mark.django_db(transaction=True)
def test_of_many_starts_under_one_name_one_succeeds(alice, at_once):
    dataset = make_dataset(alice)

    outcomes = at_once(lambda: start_run(alice, dataset, model_name="houses"), times=6)

    assert sum(isinstance(outcome, TrainingRun) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, NameTaken) for outcome in outcomes) == 5
    assert amounts_of(alice) == [15, -1]


def test_a_repeated_request_starts_and_costs_nothing_more(alice):
    dataset = make_dataset(alice)
    request = IdempotentRequest(endpoint="POST /train", key="k1", fingerprint="f" * 64)
    run = start_run(alice, dataset, idempotency=request)

    with pytest.raises(RequestRepeated) as repeated:
        start_run(alice, dataset, idempotency=request)

    assert repeated.value.earlier.reference == run.reference
    assert find(user=alice, request=request).reference == run.reference
    assert amounts_of(alice) == [15, -1]


def test_a_refused_request_does_not_use_up_its_key(alice):
    request = IdempotentRequest(endpoint="POST /train", key="k1", fingerprint="f" * 64)
    make_model_row(alice, name=f"{alice.pk}_houses")

    with pytest.raises(NameTaken):
        start_run(alice, model_name="houses", idempotency=request)

    assert find(user=alice, request=request) is None


def test_a_queued_training_is_cancelled_and_refunded_at_once(alice):
    run = jobs.cancel(job=start_run(alice))

    assert run.status == "cancelled"
    assert run.finished_at
    assert amounts_of(alice) == [15, -1, 1]
    assert verify_ledger() == []


def test_a_running_training_is_asked_to_stop_and_stays_paid_until_it_has(alice):
    run = jobs.claim(job=start_run(alice), worker="w")

    run = jobs.cancel(job=run)

    assert (run.status, run.can_cancel) == ("running", False)
    assert amounts_of(alice) == [15, -1]


def test_a_training_that_has_ended_cannot_be_cancelled(alice):
    run = jobs.cancel(job=start_run(alice))

    with pytest.raises(JobEnded, match="was cancelled"):
        jobs.cancel(job=run)

    assert amounts_of(alice) == [15, -1, 1]


@pytest.mark.django_db(transaction=True)
def test_cancelled_by_many_at_once_it_is_refunded_once(alice, at_once):
    run = start_run(alice)

    outcomes = at_once(lambda: jobs.cancel(job=run), times=8)

    assert sum(isinstance(outcome, TrainingRun) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, DomainError) for outcome in outcomes) == 7
    assert amounts_of(alice) == [15, -1, 1]


def test_so_many_trainings_may_be_cancelled_in_an_hour_and_no_more(alice, bob):
    dataset = make_dataset(alice)
    for _ in range(jobs.CANCELLED_RUNS_PER_HOUR_MAX):
        jobs.cancel(job=start_run(alice, dataset))
    before = amounts_of(alice)

    with pytest.raises(TooManyCancelledJobs) as refused:
        start_run(alice, dataset)

    assert 3500 < refused.value.retry_after_seconds <= 3601
    assert amounts_of(alice) == before
    assert start_run(bob)
    hour = TrainingRun.objects.filter(owner=alice)
    hour.update(cancel_requested_at=F("cancel_requested_at") - timedelta(hours=1))
    assert start_run(alice, dataset)


@pytest.mark.django_db(transaction=True)
def test_starts_and_cancels_at_once_do_not_get_past_the_limit(alice, at_once, settings, monkeypatch):
    monkeypatch.setattr(jobs, "CANCELLED_RUNS_PER_HOUR_MAX", 4)
    dataset = make_dataset(alice)

    def start_and_cancel():
        return [jobs.cancel(job=start_run(alice, dataset)) for _ in range(4)]

    at_once(start_and_cancel, times=4)

    # three may be open when the limit is reached
    assert 4 <= TrainingRun.objects.filter(status="cancelled").count() <= 4 + settings.OPEN_RUNS_MAX
    assert verify_ledger() == []


def test_changed_columns_do_not_change_a_training_that_waits(alice):
    dataset = make_dataset(alice)
    run = start_run(alice, dataset)

    datasets.change(dataset=dataset, columns={"rooms": {"kind": "category"}})

    run.refresh_from_db()
    assert run.features[1]["kind"] == "number"


def test_waiting_ends_with_the_run(alice):
    run = jobs.cancel(job=start_run(alice))

    started = time.monotonic()
    ended = jobs.wait_for_end(job=run, seconds=30)

    assert ended.status == "cancelled"
    assert time.monotonic() - started < 20


def test_waiting_ends_when_the_time_is_up(alice):
    started = time.monotonic()
    run = jobs.wait_for_end(job=start_run(alice), seconds=0.3)

    assert run.status == "queued"
    assert 0.3 <= time.monotonic() - started < 20


@pytest.mark.django_db(transaction=True)
def test_when_too_many_wait_the_next_is_sent_away_at_once(alice, at_once):
    run = start_run(alice)
    waiters = jobs.WAITING_REQUESTS_MAX + 3

    def wait():
        started = time.monotonic()
        jobs.wait_for_end(job=run, seconds=2)
        return time.monotonic() - started

    seconds = at_once(wait, times=waiters)

    assert sum(waited >= 2 for waited in seconds) == jobs.WAITING_REQUESTS_MAX
    assert sum(waited < 1 for waited in seconds) == 3


def test_only_models_of_a_search_are_the_last_search(alice):
    assert alice.trained_models.last_search() is None
    searched = make_model_row(alice, name="a", search={"best_params": {}})
    make_model_row(alice, name="b")

    assert alice.trained_models.last_search() == searched
    assert TrainedModel.objects.count() == 2
