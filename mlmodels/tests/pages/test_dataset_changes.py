"""The page of a dataset saves itself: kinds and use of columns, the target, choices beside findings."""

import pytest

from mlmodels.tests.factories import houses_csv, make_dataset

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def dataset(alice):
    return make_dataset(alice)


def shown(dataset, **changes):
    """What the page sends when nothing is changed, and the changes."""
    used = [str(position) for position, column in enumerate(dataset.columns) if column["use"]]
    kinds = {f"kind-{position}": column["kind"] for position, column in enumerate(dataset.columns)}
    target = dataset.column_names.index(dataset.target_name)
    plain = {"use": ["", *used], "target": str(target), "algorithm": "auto", **kinds}
    return {**plain, **changes}


def send(client, dataset, headers=HTMX, **changes):
    return client.post(f"/datasets/{dataset.uuid}/change/", shown(dataset, **changes), headers=headers)


def column(dataset, position):
    dataset.refresh_from_db()
    return dataset.columns[position]


def test_a_kind_is_changed_in_its_row_and_said(alice, pages_of, dataset):
    answer = send(pages_of(alice), dataset, **{"kind-1": "category"}).content.decode()

    assert "<html" not in answer
    assert "rooms is now read as category." in answer
    assert column(dataset, 1)["kind"] == "category"
    assert column(dataset, 1)["use"] is True


def test_a_column_that_varies_is_not_offered_as_constant_or_empty(alice, pages_of):
    """Whoever chose that read afterwards that all its cells are the same."""
    dataset = make_dataset(alice, b"a,b,c,y\n" + b"".join(b"%d,7,,%d\n" % (n, n * n % 31) for n in range(40)))

    page = pages_of(alice).get(f"/datasets/{dataset.uuid}/").content.decode()
    offered = [page.partition(f'id="kind-{n}"')[2].partition("</select>")[0] for n in range(3)]

    assert ['value="constant"' in kinds for kinds in offered] == [False, True, False]
    assert ['value="empty"' in kinds for kinds in offered] == [False, False, True]
    assert all('value="number"' in kinds and 'value="identifier"' in kinds for kinds in offered)


def test_a_change_is_undone_with_the_button_that_came_with_it(alice, pages_of, dataset):
    client = pages_of(alice)
    answer = send(client, dataset, **{"kind-1": "identifier"})

    client.post(f"/datasets/{dataset.uuid}/change/", {"undo": answer.context["undo"]}, headers=HTMX)

    assert column(dataset, 1)["kind"] == "number"
    assert column(dataset, 1)["use"] is True


def test_an_undo_of_nonsense_is_refused(alice, pages_of, dataset):
    answer = pages_of(alice).post(f"/datasets/{dataset.uuid}/change/", {"undo": "[1"}, headers=HTMX)

    assert answer.status_code == 422


def test_what_is_left_out_is_not_learned_from(alice, pages_of, dataset):
    answer = send(pages_of(alice), dataset, use=["", "0", "3"]).content.decode()

    assert "Train on 1 column\n" in answer
    assert [column(dataset, position)["use"] for position in range(4)] == [True, False, False, True]


def test_another_target_keeps_the_use_of_the_old_one(alice, pages_of, dataset):
    answer = send(pages_of(alice), dataset, target="2").content.decode()

    dataset.refresh_from_db()
    assert dataset.target_name == "place"
    assert "Predict <code>place</code>" in answer
    assert "Train on 3 columns\n" in answer


def test_saving_a_column_keeps_what_was_chosen_for_the_training(alice, pages_of, dataset):
    chosen = {"algorithm": "knn", "parameter-n_neighbors": "7", "model_name": "castles"}

    answer = send(pages_of(alice), dataset, use=["", "0", "3"], **chosen).content.decode()

    assert '<option value="knn" selected>' in answer
    assert 'name="parameter-n_neighbors" value="7"' in answer
    assert 'value="castles"' in answer


def test_an_impossible_kind_is_refused_at_once_and_nothing_is_changed(alice, pages_of, dataset):
    answer = send(pages_of(alice), dataset, **{"kind-2": "number", "kind-1": "category"})

    page = " ".join(answer.content.decode().split())
    assert answer.status_code == 422
    assert 'id="kind-2" aria-label="Kind of place" aria-invalid="true"' in page
    assert column(dataset, 1)["kind"] == "number"
    assert column(dataset, 2)["kind"] == "category"


def test_choosing_an_algorithm_brings_its_parameters_without_a_page(alice, pages_of, dataset):
    partial = send(pages_of(alice), dataset, algorithm="knn").content.decode()

    assert "<html" not in partial
    assert 'name="parameter-n_neighbors"' in partial


def test_the_same_without_scripts_answers_a_whole_page(alice, pages_of, dataset):
    page = send(pages_of(alice), dataset, headers={}, algorithm="knn").content.decode()

    assert "<html" in page
    assert 'name="parameter-n_neighbors"' in page


@pytest.fixture
def numbered(alice):
    """With a column that upload leaves out."""
    lines = houses_csv().decode().splitlines()
    rows = [f"{1000 + number},{line}" for number, line in enumerate(lines[1:])]
    return make_dataset(alice, "\n".join([f"sale_id,{lines[0]}", *rows]).encode())


def finding_about(dataset, name):
    return next((n, f) for n, f in enumerate(dataset.findings) if f["columns"] == [name])


def test_a_finding_says_what_happens_and_the_other_choice_saves_itself(alice, pages_of, numbered):
    client = pages_of(alice)
    number, finding = finding_about(numbered, "sale_id")
    other = next(n for n, choice in enumerate(finding["choices"]) if not choice["is_current"])

    page = client.get(f"/datasets/{numbered.uuid}/").content.decode()
    send(client, numbered, **{f"finding-{number}": f"{finding['code']}:{other}"})

    assert "thing" in page
    assert f'value="{finding["code"]}:{other}"' in page
    assert column(numbered, 0)["use"] is True


@pytest.mark.parametrize("value", ["gone:1", "x", ":", "identifier:99", "identifier:-1", ""])
def test_a_choice_that_is_there_no_longer_changes_nothing(alice, pages_of, numbered, value):
    number, _ = finding_about(numbered, "sale_id")

    answer = send(pages_of(alice), numbered, **{f"finding-{number}": value})

    assert answer.status_code == 200
    assert column(numbered, 0)["use"] is False


def test_how_to_test_is_chosen_and_kept(alice, pages_of, dataset):
    answer = send(
        pages_of(alice), dataset, algorithm="linear", evaluation="k_fold", shown_evaluation="hold_out"
    )

    dataset.refresh_from_db()
    assert answer.status_code == 200
    assert dataset.evaluation["kind"] == "k_fold"


def test_a_way_to_test_that_is_none_is_refused(alice, pages_of, dataset):
    answer = send(pages_of(alice), dataset, evaluation="time:0", shown_evaluation="hold_out")

    assert answer.status_code == 422


def test_train_without_scripts_saves_what_the_page_says_first(alice, pages_of, dataset):
    order = shown(dataset, use=["", "0"], target="3", algorithm="linear", train_percentage="0.8")

    pages_of(alice).post(
        f"/datasets/{dataset.uuid}/train/", {**order, "idempotency_key": "k", "model_name": ""}
    )

    run = alice.training_runs.get()
    alice.refresh_from_db()
    assert [feature["name"] for feature in run.features] == ["size"]
    assert column(dataset, 1)["use"] is False
    assert alice.token_balance == 14


def test_anothers_dataset_cannot_be_changed(bob, pages_of, dataset):
    assert send(pages_of(bob), dataset, **{"kind-1": "category"}).status_code == 404


def test_a_table_as_it_should_be_has_no_findings(alice, pages_of, dataset):
    assert "to know before training" not in pages_of(alice).get(f"/datasets/{dataset.uuid}/").content.decode()
