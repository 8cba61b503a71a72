import csv
import errno
import io
import json
import os

import pytest
from django.core.management import CommandError, call_command

from billing.operations import grant
from mlmodels.management.commands import predict as command
from mlmodels.models import Prediction
from mlmodels.tests.factories import make_model

pytestmark = pytest.mark.django_db


@pytest.fixture
def model(alice):
    return make_model(alice)


@pytest.fixture
def rich_alice(alice):
    grant(user=alice, amount=100, reason="test", operation="grant:test")
    return alice


@pytest.fixture
def table(tmp_path):
    def write(text, name="rows.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_text(text, encoding=encoding)
        return path

    return write


def predict(*arguments):
    output = io.StringIO()
    call_command("predict", *map(str, arguments), stdout=output)
    return output.getvalue()


def read(path):
    with open(path, newline="", encoding="utf-8") as handle:
        return list(csv.reader(handle))


def balance_of(user):
    user.refresh_from_db()
    return user.token_balance


def test_one_row_is_answered_as_json_and_charged(alice, model):
    answer = json.loads(predict(model.name, "--row", '{"size": 100, "rooms": 2, "place": "city"}'))

    assert answer["prediction"] == pytest.approx(130_000)
    assert balance_of(alice) == 9


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
    assert balance_of(alice) == 14


def test_an_unknown_model_is_an_error():
    with pytest.raises(CommandError, match="no model called"):
        predict("nothing", "--row", "{}")


def test_a_table_is_answered_row_by_row(rich_alice, model, table, tmp_path):
    source = table("name;place;rooms;size\nA;city;2;100\nB;village;1;50.5\n")

    output = predict(model.name, "--csv", source, "--out", tmp_path / "out.csv", "--yes")

    header, first, second = read(tmp_path / "out.csv")
    assert header == ["name", "place", "rooms", "size", "prediction", "low", "high", "warnings"]
    assert first[:4] == ["A", "city", "2", "100"]
    assert float(first[4]) == pytest.approx(130_000)
    assert float(first[5]) <= float(first[4]) <= float(first[6])
    assert (first[7], len(second)) == ("", 8)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "rows.csv"]
    assert "Predicting 2 rows costs 10 tokens" in output
    assert balance_of(rich_alice) == 104


def test_classes_come_with_their_probabilities(rich_alice, table, tmp_path):
    model = make_model(rich_alice, target="place", algorithm="decision_tree")

    predict(
        model.name, "--csv", table("size,rooms,price\n40,1,65000\n"), "--out", tmp_path / "out.csv", "--yes"
    )

    header, row = read(tmp_path / "out.csv")
    assert header[3] == "prediction"
    assert sorted(header[4:-1]) == [f"probability of {place}" for place in ("city", "coast", "village")]
    assert sum(map(float, row[4:-1])) == pytest.approx(1)


def test_values_outside_training_are_said_beside_the_row(rich_alice, model, table, tmp_path):
    source = table("place,rooms,size\ncity,2,9000\nmoon,1,50\n")

    predict(model.name, "--csv", source, "--out", tmp_path / "out.csv", "--yes")

    _, large, unknown = read(tmp_path / "out.csv")
    assert large[-1].startswith("size: 9,000 is above")
    assert unknown[-1].startswith("place: ") and "not seen in training" in unknown[-1]


def test_a_table_of_one_column_is_fine_where_the_model_needs_no_more(rich_alice, table, tmp_path):
    model = make_model(rich_alice, features=["size"])

    predict(model.name, "--csv", table("size\n40\n50\n"), "--out", tmp_path / "out.csv", "--yes")

    assert [row[0] for row in read(tmp_path / "out.csv")] == ["size", "40", "50"]


def test_one_unusable_row_leaves_no_file_and_no_charge(rich_alice, model, table, tmp_path):
    source = table("size,rooms,place\n1,1,city\n\nlarge,1,city\n")

    with pytest.raises(CommandError, match="Row 4: .*size"):
        predict(model.name, "--csv", source, "--out", tmp_path / "out.csv", "--yes")

    assert not (tmp_path / "out.csv").exists()
    assert not Prediction.objects.exists()
    assert balance_of(rich_alice) == 114


def test_too_few_tokens_for_all_rows_leave_no_file_and_no_charge(alice, model, table, tmp_path):
    source = table("size,rooms,place\n" + "1,1,city\n" * 3)

    with pytest.raises(CommandError, match="3 predictions cost 15 tokens and you have 14"):
        predict(model.name, "--csv", source, "--out", tmp_path / "out.csv", "--yes")

    assert not (tmp_path / "out.csv").exists()
    assert balance_of(alice) == 14


def test_a_file_that_exists_is_not_overwritten_and_nothing_is_charged(rich_alice, model, table, tmp_path):
    source = table("size,rooms,place\n1,1,city\n")

    with pytest.raises(CommandError, match="cannot be written: File exists"):
        predict(model.name, "--csv", source, "--out", source, "--yes")

    assert source.read_text() == "size,rooms,place\n1,1,city\n"
    assert balance_of(rich_alice) == 114


@pytest.fixture
def disk_is_full(monkeypatch):
    """Of the answered table the header still fits."""

    def write_csv(handle, header, rows):
        handle.write(",".join(header))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(command, "write_csv", write_csv)


def test_a_full_disk_costs_nothing_and_leaves_no_half_table(rich_alice, model, table, tmp_path, disk_is_full):
    source = table("size,rooms,place\n1,1,city\n")

    with pytest.raises(CommandError, match="No space left on device. Nothing was charged"):
        predict(model.name, "--csv", source, "--out", tmp_path / "out.csv", "--yes")

    assert [path.name for path in tmp_path.iterdir()] == [source.name]
    assert not Prediction.objects.exists()
    assert balance_of(rich_alice) == 114


def test_the_table_is_on_the_disk_before_it_is_paid(rich_alice, model, table, tmp_path, monkeypatch):
    """Whatever ends the command from here on: what was paid can be read."""
    source, target = table("size,rooms,place\n100,2,city\n"), tmp_path / "out.csv"

    def cut_off(*paths):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("os.replace", cut_off)
    with pytest.raises(CommandError, match="charged and stored") as stopped:
        predict(model.name, "--csv", source, "--out", target, "--yes")

    assert stopped.value.returncode == 4
    assert ".out.csv.part" in str(stopped.value)
    assert not target.exists()
    assert float(read(tmp_path / ".out.csv.part")[1][3]) == pytest.approx(130_000)
    assert balance_of(rich_alice) == 109
    assert Prediction.objects.count() == 1


def test_paid_answers_of_a_command_that_was_cut_off_are_not_overwritten(rich_alice, model, table, tmp_path):
    source, left = table("size,rooms,place\n100,2,city\n"), tmp_path / ".out.csv.part"
    left.write_text("paid answers")

    with pytest.raises(CommandError, match=r"\.out\.csv\.part cannot be written: File exists. Nothing was"):
        predict(model.name, "--csv", source, "--out", tmp_path / "out.csv", "--yes")

    assert left.read_text() == "paid answers"
    assert not (tmp_path / "out.csv").exists()
    assert balance_of(rich_alice) == 114


def test_a_folder_that_is_not_there_costs_nothing(rich_alice, model, table, tmp_path):
    source = table("size,rooms,place\n1,1,city\n")

    with pytest.raises(CommandError, match="cannot be written: No such file or directory"):
        predict(model.name, "--csv", source, "--out", tmp_path / "nowhere" / "out.csv", "--yes")

    assert balance_of(rich_alice) == 114


def test_nobody_pays_for_many_rows_without_having_agreed(rich_alice, model, table, tmp_path, monkeypatch):
    source = table("size,rooms,place\n1,1,city\n")
    order = (model.name, "--csv", source, "--out", tmp_path / "out.csv")

    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(CommandError, match="Predicting 1 row costs 5 tokens. Pass --yes"):
        predict(*order)

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: "n")
    with pytest.raises(CommandError, match="nothing was done"):
        predict(*order)
    assert balance_of(rich_alice) == 114

    monkeypatch.setattr("builtins.input", lambda question: "y")
    predict(*order)
    assert balance_of(rich_alice) == 109


def test_a_spreadsheet_gets_no_formula_out_of_an_answer(rich_alice, model, table, tmp_path):
    cell = '=HYPERLINK(""http://evil"")'
    source = table(f'size,rooms,place,note\n-1,1,city,"{cell}"\n1,1,"\tcmd",＝1+1\n')

    predict(model.name, "--csv", source, "--out", tmp_path / "out.csv", "--yes")

    _, first, second = read(tmp_path / "out.csv")
    assert first[0] == "-1"
    assert first[3].startswith("'=")
    assert second[3] == "'＝1+1"


def test_a_missing_csv_is_an_error(model, tmp_path):
    with pytest.raises(CommandError, match="cannot be read"):
        predict(model.name, "--csv", tmp_path / "nothing.csv", "--out", tmp_path / "out.csv", "--yes")
    with pytest.raises(CommandError, match="--out"):
        predict(model.name, "--csv", tmp_path / "nothing.csv")
