import csv
import errno
import io
import json
import os

import pytest
from django.core.management import CommandError, call_command

from billing.verify import verify_ledger
from mlmodels.management.commands import predict as command
from mlmodels.models import Batch, Prediction, Worker
from mlmodels.operations import batches
from mlmodels.tests.quick import predict_now
from mlmodels.worker import loop

ROWS = "name;place;rooms;size\nA;city;2;100\nB;city;2;big\nC;village;1;50,5\n"

pytestmark = pytest.mark.django_db


@pytest.fixture
def model(alice, make_model):
    return make_model(alice)


@pytest.fixture
def table(tmp_path):
    def write(text, name="rows.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_text(text, encoding=encoding)
        return path

    return write


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.csv"


@pytest.fixture
def worker(db, monkeypatch):
    """A living one, which predicts while the command waits; in this process, for speed."""
    Worker.objects.create(name="elsewhere")

    def work(seconds):
        for batch in Batch.objects.filter(status="queued"):
            predict_now(batch)

    monkeypatch.setattr(loop.time, "sleep", work)


def predict(*arguments):
    output = io.StringIO()
    call_command("predict", *map(str, arguments), stdout=output)
    return output.getvalue()


def read(path, separator=","):
    with open(path, newline="", encoding="utf-8") as handle:
        return list(csv.reader(handle, delimiter=separator))


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def balance_of(user):
    user.refresh_from_db()
    return user.token_balance


def test_one_row_is_answered_as_json_and_charged(alice, model):
    answer = json.loads(predict(model.name, "--row", '{"size": 100, "rooms": 2, "place": "city"}'))

    assert answer["prediction"] == pytest.approx(130_000)
    assert balance_of(alice) == 10


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("{", "not JSON"),
        ("[1, 2]", "takes an object"),
        ('{"size": 1}', "rooms"),
        ('{"size": "x", "rooms": 1, "place": ""}', "size"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_row_that_cannot_be_used_is_an_error_and_free(alice, model, row, words):
    with pytest.raises(CommandError, match=words) as refused:
        predict(model.name, "--row", row)

    assert refused.value.returncode == 1
    assert balance_of(alice) == 15


def test_an_unknown_model_is_an_error():
    with pytest.raises(CommandError, match="no model called"):
        predict("nothing", "--row", "{}")


@pytest.mark.django_db(transaction=True)
def test_without_a_worker_the_command_predicts_the_file_by_itself(alice, model, table, out):
    output = predict(model.name, "--csv", table(ROWS), "--out", out, "--yes")

    header, first, unreadable, last = read(out, ";")
    assert header == ["name", "place", "rooms", "size", "prediction", "low", "high", "warnings", "reason"]
    assert first[:4] == ["A", "city", "2", "100"]
    assert float(first[4].replace(",", ".")) == pytest.approx(130_000)
    assert unreadable[:5] == ["B", "city", "2", "big", ""] and "not a number" in unreadable[-1]
    assert last[4] and last[-1] == ""
    assert files_in(out.parent) == ["out.csv", "rows.csv"]
    assert "Predicting 2 rows of rows.csv costs 5 tokens. 1 row cannot be read" in output
    assert "5 tokens charged for rows.csv." in output and "Predicted 2 rows, 1 not: " in output
    assert balance_of(alice) == 10
    assert verify_ledger() == []
    assert not Worker.objects.exists() and not Prediction.objects.exists()


def test_a_living_worker_predicts_the_file_for_the_owner(alice, model, table, out, worker, monkeypatch):
    monkeypatch.setattr(loop.JobWorker, "work_on", lambda self, job: pytest.fail("did it by itself"))

    predict(model.name, "--csv", table(ROWS), "--out", out, "--yes")

    batch = Batch.objects.get()
    assert (batch.owner, batch.name, batch.cost_tokens) == (alice, "rows.csv", 5)
    assert len(read(out, ";")) == 4


def test_an_answer_that_is_on_disk_is_not_kept_here_as_well(
    alice, model, table, tmp_path, worker, monkeypatch, files_folder, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(batches, "BATCHES_KEPT_MAX", 1)

    for number in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            predict(model.name, "--csv", table(ROWS), "--out", tmp_path / f"{number}.csv", "--yes")

    assert len(read(tmp_path / "0.csv", ";")) == len(read(tmp_path / "1.csv", ";")) == 4
    assert {(batch.status, bool(batch.erased_at)) for batch in Batch.objects.all()} == {("succeeded", True)}
    assert not files_in(files_folder / "batches")
    assert balance_of(alice) == 5 and verify_ledger() == []


def test_classes_come_with_their_probabilities(alice, make_model, table, out, worker):
    model = make_model(alice, target="place", algorithm="decision_tree")

    predict(model.name, "--csv", table("size,rooms,price\n40,1,65000\n"), "--out", out, "--yes")

    [header, row] = read(out)
    at = [n for n, name in enumerate(header) if name.startswith("probability of ")]
    assert header[3] == "prediction"
    assert sorted(header[n] for n in at) == [
        f"probability of {place}" for place in ("city", "coast", "village")
    ]
    assert sum(float(row[n]) for n in at) == pytest.approx(1)


def test_a_table_of_one_column_is_fine_where_the_model_needs_no_more(alice, make_model, table, out, worker):
    model = make_model(alice, features=["size"])

    predict(model.name, "--csv", table("size\n40\n50\n"), "--out", out, "--yes")

    assert [row[0] for row in read(out)] == ["size", "40", "50"]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("size,rooms,place\nbig,1,city\n", "No row of the file can be read. Row 2: .*size"),
        ("size,rooms\n1,1\n", "no column named.*place"),
        ("size,rooms,place\n", "no rows"),
        ("size,rooms,place\n" + "1,1,city\n" * 3001, "costs 20 tokens and you have 15"),
    ],
)
def test_a_refused_file_leaves_nothing_and_no_charge(
    alice, model, table, out, rows, words, files_folder, django_capture_on_commit_callbacks
):
    with (
        django_capture_on_commit_callbacks(execute=True),
        pytest.raises(CommandError, match=words) as refused,
    ):
        predict(model.name, "--csv", table(rows), "--out", out, "--yes")

    assert refused.value.returncode == 1
    assert files_in(out.parent) == ["rows.csv"]
    assert not Batch.objects.exists() and not files_in(files_folder / "batches")
    assert balance_of(alice) == 15


def test_nobody_pays_for_a_file_without_having_agreed(alice, model, table, out, worker, monkeypatch):
    order = (model.name, "--csv", table(ROWS), "--out", out)

    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(CommandError, match="costs 5 tokens. 1 row cannot be read .* Pass --yes"):
        predict(*order)

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: "n")
    with pytest.raises(CommandError, match="nothing was done"):
        predict(*order)
    assert not Batch.objects.exists()
    assert balance_of(alice) == 15

    monkeypatch.setattr("builtins.input", lambda question: "y")
    predict(*order)
    assert balance_of(alice) == 10


def test_ctrl_c_cancels_and_refunds(alice, model, table, out, ctrl_c):
    with pytest.raises(CommandError, match="cancelled and was refunded") as stopped:
        predict(model.name, "--csv", table(ROWS), "--out", out, "--yes")

    assert stopped.value.returncode == 1
    assert files_in(out.parent) == ["rows.csv"]
    assert balance_of(alice) == 15
    assert verify_ledger() == []


@pytest.mark.parametrize("existing", ["out.csv", ".out.csv.part"])
def test_a_file_that_exists_is_not_overwritten_and_nothing_is_charged(alice, model, table, out, existing):
    taken = out.with_name(existing)
    taken.write_text("mine")

    with pytest.raises(CommandError, match="cannot be written: File exists. Nothing was charged"):
        predict(model.name, "--csv", table(ROWS), "--out", out, "--yes")

    assert taken.read_text() == "mine"
    assert files_in(out.parent) == sorted([existing, "rows.csv"])
    assert balance_of(alice) == 15


def test_a_folder_that_is_not_there_costs_nothing(alice, model, table, tmp_path):
    with pytest.raises(CommandError, match="cannot be written: No such file or directory"):
        predict(model.name, "--csv", table(ROWS), "--out", tmp_path / "nowhere" / "out.csv", "--yes")

    assert balance_of(alice) == 15


def test_a_full_disk_leaves_no_half_file_and_says_where_the_answer_is(
    alice, model, table, out, worker, monkeypatch
):
    def copy(source, target):
        target.write(source.read(10))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(command.shutil, "copyfileobj", copy)
    with pytest.raises(CommandError, match="charged, but .*No space left on device") as stopped:
        predict(model.name, "--csv", table(ROWS), "--out", out, "--yes")

    batch = Batch.objects.get()
    assert stopped.value.returncode == 4
    assert f"/batches/{batch.uuid}/" in str(stopped.value) and batch.has_answer
    assert files_in(out.parent) == ["rows.csv"]
    assert verify_ledger() == []


def test_a_file_that_appears_meanwhile_is_not_overwritten(alice, model, table, out, worker, monkeypatch):
    work = loop.time.sleep

    def work_and_write(seconds):
        work(seconds)
        out.write_text("somebody else's")

    monkeypatch.setattr(loop.time, "sleep", work_and_write)
    with pytest.raises(CommandError, match="charged, but .*File exists") as stopped:
        predict(model.name, "--csv", table(ROWS), "--out", out, "--yes")

    assert stopped.value.returncode == 4
    assert out.read_text() == "somebody else's"


def test_a_missing_csv_is_an_error(model, tmp_path, out):
    with pytest.raises(CommandError, match="cannot be read"):
        predict(model.name, "--csv", tmp_path / "nothing.csv", "--out", out, "--yes")
    with pytest.raises(CommandError, match="--out"):
        predict(model.name, "--csv", tmp_path / "nothing.csv")
    assert files_in(tmp_path) == []
