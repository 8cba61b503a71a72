"""/datasets/ as a browser uses it, with and without htmx."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from mlmodels.models import Dataset, TrainingRun
from mlmodels.tests.factories import houses_csv, make_dataset, start_run

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def upload(client, content=None, name="houses.csv", **kwargs):
    file = SimpleUploadedFile(name, houses_csv() if content is None else content, "text/csv")
    return client.post("/datasets/", {"file": file}, **kwargs)


def test_a_dropped_file_becomes_a_data_set_and_its_page_follows(alice, pages_of):
    answer = upload(pages_of(alice))

    dataset = alice.datasets.get()
    assert answer.status_code == 302
    assert answer.url == f"/datasets/{dataset.uuid}/"
    assert dataset.name == "houses.csv"


def test_htmx_is_told_to_go_to_the_new_data_set(alice, pages_of):
    answer = upload(pages_of(alice), headers=HTMX)

    assert answer["HX-Redirect"] == f"/datasets/{alice.datasets.get().uuid}/"


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_file_that_is_no_table_is_refused_in_words_and_leaves_nothing(
    alice, pages_of, headers, files_folder
):
    answer = upload(pages_of(alice), b"%PDF-1.7 \x00\x01", headers=headers)

    assert answer.status_code == 422
    assert "PDF" in answer.content.decode()
    assert not Dataset.objects.exists()
    assert not [path for path in files_folder.rglob("*") if path.is_file()]


def test_a_partial_refusal_is_a_note_and_no_page(alice, pages_of):
    answer = upload(pages_of(alice), b"", headers=HTMX).content.decode()

    assert "<html" not in answer
    assert 'role="alert"' in answer


def test_no_file_at_all_is_said_to_be_missing(alice, pages_of):
    answer = pages_of(alice).post("/datasets/")

    assert answer.status_code == 400
    assert "Choose a CSV file first." in answer.content.decode()


def test_a_file_over_the_limit_is_refused_while_it_arrives(alice, pages_of, settings):
    settings.MAX_UPLOAD_MB = 0.0001

    answer = upload(pages_of(alice))

    assert answer.status_code == 413
    assert not Dataset.objects.exists()


def test_the_page_shows_each_column_with_its_kind_and_the_guessed_target(alice, pages_of):
    dataset = make_dataset(alice)

    page = " ".join(pages_of(alice).get(f"/datasets/{dataset.uuid}/").content.decode().split())

    for position, name in enumerate(("size", "rooms", "place", "price")):
        assert f'<a href="/datasets/{dataset.uuid}/columns/{position}/">{name}</a>' in page
    assert 'id="target-3" value="3" aria-label="Predict price" checked>' in page
    assert "Costs <b>1 token</b> of your 15" in page


def plan_of(client, dataset) -> str:
    page = client.get(f"/datasets/{dataset.uuid}/").content.decode()
    return " ".join(page.partition('<section id="plan"')[2].partition("</section>")[0].split())


def test_classes_that_are_written_as_numbers_are_drawn_as_classes(alice, pages_of):
    rows = "".join(f"{number * 7 % 50},{int(number % 4 == 0)}\n" for number in range(60))

    plan = plan_of(pages_of(alice), make_dataset(alice, f"age,won\n{rows}".encode()))

    assert "One of 2 classes." in plan
    assert ">75%</text>" in plan and ">25%</text>" in plan
    assert ">1.5</text>" not in plan


@pytest.mark.parametrize(
    ("blank", "words"), [(1, "59 rows have one, 1 is skipped."), (2, "58 rows have one, 2 are skipped.")]
)
def test_rows_without_the_target_are_counted(alice, pages_of, blank, words):
    lines = houses_csv().split(b"\n")
    lines[1 : 1 + blank] = [line.rpartition(b",")[0] + b"," for line in lines[1 : 1 + blank]]

    plan = plan_of(pages_of(alice), make_dataset(alice, b"\n".join(lines)))

    assert f"A number. {words}" in plan


def test_the_suggested_name_keeps_the_letters_under_accents(alice, pages_of):
    rows = "".join(f"{number},{'ja' if number % 3 else 'nein'}\n" for number in range(40))

    plan = plan_of(pages_of(alice), make_dataset(alice, f"Alter,Gekündigt\n{rows}".encode(), name="Städte"))

    assert 'value="Stadte_Gekundigt"' in plan


def order(**changes):
    plain = {"target": "3", "algorithm": "linear", "use": ["0", "1", "2"], "train_percentage": "0.8"}
    return {**plain, "idempotency_key": "order-1", "model_name": "", **changes}


def test_train_charges_once_and_goes_to_the_run(alice, pages_of):
    dataset = make_dataset(alice)

    answer = pages_of(alice).post(f"/datasets/{dataset.uuid}/train/", order())

    run = alice.training_runs.get()
    alice.refresh_from_db()
    assert answer.url == f"/runs/{run.uuid}/"
    assert run.plan["algorithm"] == "linear"
    assert alice.token_balance == 14
    assert alice.ledger_entries.latest_first().first().reference == run.reference


def test_a_double_click_on_train_pays_once_and_shows_the_same_run(alice, pages_of):
    dataset = make_dataset(alice)
    client = pages_of(alice)

    first = client.post(f"/datasets/{dataset.uuid}/train/", order())
    second = client.post(f"/datasets/{dataset.uuid}/train/", order())

    alice.refresh_from_db()
    assert first.url == second.url
    assert alice.token_balance == 14
    assert TrainingRun.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"use": [""]}, "Choose at least one column"),
        ({"algorithm": "knn", "parameter-n_neighbors": "0"}, "n_neighbors must be a whole number from 1"),
        ({"algorithm": "knn", "parameter-n_neighbors": "0"}, "; it was 0."),
        ({"train_percentage": "0"}, "such as 0.8; it was 0."),
        ({"train_percentage": "1000001"}, "such as 0.8; it was 1000001."),
        ({"algorithm": "ridge", "parameter-alpha": "much"}, "alpha must be a number"),
        ({"train_percentage": "1.5"}, "train_percentage"),
        ({"target": "2", "use": ["0"]}, "this target needs classification"),
        ({"target": "99"}, "There is no such column"),
        ({"algorithm": "magic"}, "not one of the available choices"),
    ],
)
def test_a_wrong_order_is_refused_at_its_field_and_costs_nothing(alice, pages_of, wrong, words):
    dataset = make_dataset(alice)

    answer = pages_of(alice).post(f"/datasets/{dataset.uuid}/train/", order(**wrong))

    alice.refresh_from_db()
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert alice.token_balance == 15
    assert not TrainingRun.objects.exists()


def test_without_tokens_the_price_is_said_and_nothing_starts(charlie, pages_of):
    dataset = make_dataset(charlie)

    answer = pages_of(charlie).post(f"/datasets/{dataset.uuid}/train/", order())

    assert answer.status_code == 422
    assert "This costs 1 token and you have 0." in answer.content.decode()
    assert not TrainingRun.objects.exists()


def test_without_tokens_the_page_says_so_before_the_click(charlie, alice, pages_of, settings):
    settings.TOKENS_URL = "https://shop.example.com/"

    short = pages_of(charlie).get(f"/datasets/{make_dataset(charlie).uuid}/").content.decode()
    enough = pages_of(alice).get(f"/datasets/{make_dataset(alice).uuid}/").content.decode()

    assert "You need 1 token and have 0." in short
    assert '<a href="/tokens/#request">Request tokens</a>' in short
    assert '<a href="https://shop.example.com/" rel="noopener">buy some</a>' in short
    assert 'class="go" disabled>' in short
    assert "Request tokens" not in enough and "disabled>" not in enough


def test_a_column_that_is_not_there_is_a_404(alice, pages_of):
    dataset = make_dataset(alice)

    assert pages_of(alice).get(f"/datasets/{dataset.uuid}/columns/99/").status_code == 404


def test_deleting_asks_first_and_says_what_goes(alice, pages_of):
    dataset = make_dataset(alice)
    client = pages_of(alice)

    question = client.get(f"/datasets/{dataset.uuid}/delete/").content.decode()
    answer = client.post(f"/datasets/{dataset.uuid}/delete/")

    assert "60 rows" in question
    assert answer.url == "/datasets/"
    assert not Dataset.objects.exists()


def test_a_data_set_with_a_waiting_training_is_not_deleted(alice, pages_of):
    run = start_run(alice)

    answer = pages_of(alice).post(f"/datasets/{run.dataset.uuid}/delete/")

    assert answer.status_code == 409
    assert Dataset.objects.exists()


def test_a_sample_is_one_click_away_and_comes_once(alice, pages_of):
    client = pages_of(alice)

    first = client.post("/datasets/samples/iris/")
    second = client.post("/datasets/samples/iris/")

    assert first.url == second.url == f"/datasets/{alice.datasets.get().uuid}/"


def test_the_list_can_be_searched(alice, pages_of):
    make_dataset(alice, name="houses")
    make_dataset(alice, name="customers")

    partial = pages_of(alice).get("/datasets/?search=cust", headers=HTMX).content.decode()

    assert "customers" in partial
    assert "houses" not in partial
    assert "<html" not in partial


def test_the_list_takes_the_same_queries_for_one_and_for_many(alice, pages_of, django_assert_max_num_queries):
    for number in range(12):
        make_dataset(alice, name=f"houses {number}")

    client = pages_of(alice)
    with django_assert_max_num_queries(6):
        client.get("/datasets/")


@pytest.mark.parametrize("page", ["", "columns/0/", "delete/"])
def test_anothers_data_set_is_a_404(alice, bob, pages_of, page):
    dataset = make_dataset(alice)

    assert pages_of(bob).get(f"/datasets/{dataset.uuid}/{page}").status_code == 404


def test_names_full_of_markup_are_shown_as_they_are(alice, pages_of):
    header = '<img src=x onerror=alert(1)>,"a""b\'c",مرحبا 🌷,__proto__'
    rows = "".join(f"<b>{i % 3}</b>,{i},{i % 5},{i * 2}\n" for i in range(30))
    dataset = make_dataset(alice, f"{header}\n{rows}".encode(), name="<script>alert(1)</script>.csv")

    page = pages_of(alice).get(f"/datasets/{dataset.uuid}/").content.decode()

    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "مرحبا 🌷" in page
