"""A file of rows: quoted, charged once, predicted as a whole; or refused, and nothing is left."""

import csv
import io

import pytest

from billing.verify import verify_ledger
from mlmodels.operations import predictions
from mlmodels.tests.factories import houses_csv, start_batch, work_off

pytestmark = pytest.mark.django_db(transaction=True)


def balance_of(user):
    user.refresh_from_db()
    return user.token_balance


def answer_of(batch):
    batch.refresh_from_db()
    assert batch.status == "succeeded", batch.error
    with batch.answer.open("rb") as handle:
        return list(csv.DictReader(io.TextIOWrapper(handle, encoding="utf-8", newline="")))


def test_a_file_comes_back_with_predictions_for_the_price_of_its_started_thousands(alice, make_model):
    model = make_model(alice)
    batch = start_batch(alice, model, houses_csv())
    assert (batch.status, batch.cost_tokens, balance_of(alice)) == ("queued", 5, 10)

    work_off()

    rows = answer_of(batch)
    assert len(rows) == 60
    assert list(rows[0]) == [
        "size",
        "rooms",
        "place",
        "price",
        "prediction",
        "low",
        "high",
        "warnings",
        "reason",
    ]
    for row in rows:
        _, output = predictions.answered(model, row)
        assert float(row["prediction"]) == pytest.approx(output["prediction"], rel=1e-9)
        assert float(row["low"]) == pytest.approx(output["interval"]["low"], rel=1e-9)
    assert balance_of(alice) == 10
    assert verify_ledger() == []
