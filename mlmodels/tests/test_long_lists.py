"""Lists of an account with many predictions, models and runs: what they show, and what they read for it."""

import re
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mlmodels import pagination
from mlmodels.models import Prediction
from mlmodels.operations.predictions import predict
from mlmodels.tests.factories import make_model_row
from mlplatform.tests.plans import plan_of

pytestmark = pytest.mark.django_db

API = "/api/v1/predictions"
NUMBER = {"name": "price", "format": {"type": "number"}}
COUNTED = 50
ROW = {"size": 70, "rooms": 2, "place": "city"}


@pytest.fixture(autouse=True)
def counted(monkeypatch):
    monkeypatch.setattr(pagination, "ROWS_COUNTED_MAX", COUNTED)


@pytest.fixture
def ask_for(alice, bob):
    """`ask_for(130)`: the answers to as many predictions of two models are 1, 2, 3 …; Bob asked as well."""
    alices = [make_model_row(alice, f"model_{n}", target=NUMBER) for n in range(2)]

    def predicted(owner, model, number):
        return Prediction(
            owner=owner, model=model, model_name=model.name, inputs={"a": 1}, output={"prediction": number},
            cost_tokens=5, created_at=timezone.now() - timedelta(days=9) + timedelta(minutes=number),
        )  # fmt: skip

    def ask(count: int):
        rows = [predicted(alice, alices[number % 2], number) for number in range(1, count + 1)]
        others = [predicted(bob, alices[0], number) for number in range(5000, 5010)]
        Prediction.objects.bulk_create([*rows, *others])

    return ask


def answers(page: str) -> list[int]:
    return [int(number) for number in re.findall(r"<b>(\d+)</b>", page)]


def link(page: str, words: str) -> str:
    [query] = re.findall(rf'href="([^"]*)">{words}</a>', page)
    return query


def queries_of_predictions(asked) -> list[str]:
    return [query["sql"] for query in asked if 'FROM "mlmodels_prediction"' in query["sql"]]


def test_older_leads_through_the_whole_list_and_newer_back(alice, pages_of, ask_for):
    ask_for(130)
    client = pages_of(alice)

    pages = [client.get("/predictions/").content.decode()]
    while ">Older</a>" in pages[-1]:
        pages.append(client.get(f"/predictions/{link(pages[-1], 'Older')}").content.decode())
    before = client.get(f"/predictions/{link(pages[-1], 'Newer')}").content.decode()

    assert [number for page in pages for number in answers(page)] == list(range(130, 0, -1))
    assert answers(before) == answers(pages[-2])


def test_a_long_list_is_not_counted_to_its_end_unless_that_is_asked_for(alice, pages_of, ask_for):
    ask_for(130)
    client = pages_of(alice)

    newest = client.get("/predictions/").content.decode()
    oldest = client.get(f"/predictions/{link(newest, 'Oldest')}").content.decode()

    assert "Page 1 of more than 2" in newest
    assert "Page 6 of 6" in oldest and "Older" not in oldest and "Oldest" not in oldest
    assert answers(oldest) == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("asked", "shown", "first"),
    [
        ("2", "Page 2 of more than 2", 105),
        ("3", "Page 3 of 6", 80),
        ("5", "Page 5 of 6", 30),
        ("6", "Page 6 of 6", 5),
        ("7", "Page 6 of 6", 5),
        ("9" * 30, "Page 6 of 6", 5),
        ("0", "Page 6 of 6", 5),
        ("-1", "Page 6 of 6", 5),
        ("two", "Page 1 of more than 2", 130),
        ("", "Page 1 of more than 2", 130),
    ],
)
def test_a_bookmarked_page_is_found_by_its_number(alice, pages_of, ask_for, asked, shown, first):
    ask_for(130)

    page = pages_of(alice).get("/predictions/", {"page": asked}).content.decode()

    assert shown in page
    assert answers(page)[0] == first


@pytest.mark.parametrize(
    ("count", "shown"), [(COUNTED, "Page 1 of 2"), (COUNTED + 1, "Page 1 of more than 2")]
)
def test_pages_that_were_all_counted_are_numbered(alice, pages_of, ask_for, count, shown):
    ask_for(count)

    page = pages_of(alice).get("/predictions/").content.decode()

    assert f"{shown}</span>" in page
    assert ("Oldest" in page) == (count > COUNTED)


def test_a_list_of_one_page_has_no_pager(alice, pages_of, ask_for):
    ask_for(25)

    assert 'aria-label="Pages"' not in pages_of(alice).get("/predictions/").content.decode()


@pytest.mark.parametrize(
    ("url", "counts_all"),
    [("/predictions/", False), ("/predictions/?page=4", True), (API, True), (f"{API}?page=2", True)],
)
def test_keys_come_from_an_index_and_only_the_rows_of_the_page_are_read(
    alice, pages_of, api_as, ask_for, url, counts_all
):
    ask_for(130)
    client = api_as(alice) if url.startswith("/api/") else pages_of(alice)

    with CaptureQueriesContext(connection) as asked:
        assert client.get(url).status_code == 200

    *counted, keys, rows = queries_of_predictions(asked)
    assert [f"LIMIT {COUNTED + 1}" in count for count in counted] == [not counts_all]
    for query in (*counted, keys):
        assert "prediction_stored_of_owner" in (plan := plan_of(query)), plan
        assert "TEMP B-TREE" not in plan and "Sort" not in plan, plan
    assert "PRIMARY KEY" in (plan := plan_of(rows)) or "mlmodels_prediction_pkey" in plan, plan
    assert "prediction_stored_of_owner" not in plan, plan


@pytest.mark.parametrize("order", ["-created_at", "created_at"])
def test_the_api_counts_exactly_and_its_pages_are_the_whole_list(alice, api_as, ask_for, order):
    ask_for(130)
    client, url, found = api_as(alice), f"{API}?page_size=20&ordering={order}", []

    while url:
        page = client.get(url.removeprefix("http://testserver")).json()
        found += [row["output"]["prediction"] for row in page["results"]]
        url = page["next"]
        assert page["count"] == 130

    newest_first = list(range(130, 0, -1))
    assert found == (newest_first if order == "-created_at" else newest_first[::-1])


def test_a_filtered_list_is_counted_and_cut_as_such(alice, api_as, ask_for):
    ask_for(130)
    client = api_as(alice)

    page = client.get(f"{API}?model_name=model_1&page_size=30&page=3").json()

    assert page["count"] == 65
    assert [row["output"]["prediction"] for row in page["results"]] == [9, 7, 5, 3, 1]
    assert {row["model_url"] for row in page["results"]} == {"http://testserver/api/v1/models/model_1"}


def test_keys_of_the_predictions_of_a_model_come_from_the_index_in_order_without_a_join(
    alice, api_as, ask_for
):
    ask_for(130)
    model = alice.trained_models.get(name="model_1")

    with CaptureQueriesContext(connection) as asked:
        page = api_as(alice).get(f"{API}?model__uuid={model.uuid}&page_size=30&page=3").json()

    count, keys, _ = queries_of_predictions(asked)
    assert [row["output"]["prediction"] for row in page["results"]] == [9, 7, 5, 3, 1]
    assert "JOIN" not in count + keys
    assert "prediction_stored_of_owner" in (plan := plan_of(keys)), plan
    assert "TEMP B-TREE" not in plan and "Sort" not in plan, plan


def test_the_predictions_of_a_model_that_is_gone_are_an_empty_list(alice, api_as, ask_for):
    ask_for(2)

    page = api_as(alice).get(f"{API}?model__uuid={uuid.uuid4()}").json()

    assert (page["count"], page["results"]) == (0, [])


def test_a_prediction_that_is_erased_between_two_queries_is_left_out(alice, ask_for):
    ask_for(3)
    keys = list(Prediction.objects.owned_by(alice).newest_first().values_list("pk", flat=True))
    Prediction.objects.filter(pk=keys[1]).erase()

    listed = Prediction.objects.for_api_lists(alice).in_order(keys)

    assert [row.output["prediction"] for row in listed] == [3, 1]


@pytest.mark.parametrize(
    ("url", "unread"),
    [
        ("/api/v1/models", ["report", "features", "findings", "columns", "first_rows", "library_versions"]),
        ("/api/v1/runs", ["plan", "candidates", "report", "features", "library_versions"]),
        (API, ["report", "features", "target", "library_versions"]),
        ("/predictions/", ["report", "metrics", "library_versions"]),
        ("/models/", ["report", "features", "library_versions"]),
    ],
)
def test_a_list_reads_no_large_fields_that_it_does_not_show(
    alice, pages_of, api_as, make_model, ask_for, url, unread
):
    make_model(alice)
    ask_for(2)
    client = api_as(alice) if url.startswith("/api/") else pages_of(alice)

    with CaptureQueriesContext(connection) as asked:
        assert client.get(url).status_code == 200

    # A part of a field, as the verdict is of a report, is in brackets
    whole = r'(?<!\()"\w+"\."(\w+)"'
    read = {column for query in asked for column in re.findall(whole, query["sql"])}
    assert "uuid" in read and not read & set(unread)


@pytest.mark.sqlite_only  # with few rows PostgreSQL would read them all
def test_the_page_of_a_model_finds_its_last_answer_without_sorting_the_others(alice, pages_of, make_model):
    model = make_model(alice)
    before, last = (predict(owner=alice, model=model, features={**ROW, "size": size}) for size in (70, 88))

    with CaptureQueriesContext(connection) as asked:
        page = pages_of(alice).get(f"/models/{model.name}/").content.decode()

    [query] = queries_of_predictions(asked)
    assert str(last.uuid) in page and str(before.uuid) not in page
    assert "INDEX mlmodels_prediction_model_id" in (plan := plan_of(query)), plan
    assert "TEMP B-TREE" not in plan, plan
