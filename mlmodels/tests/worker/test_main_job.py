"""From a CSV to a paid prediction."""

import pytest

from mlmodels.operations import predictions
from mlmodels.tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_table_becomes_a_model_and_the_model_a_paid_prediction(alice):
    model = factories.train_model(alice)

    answer = predictions.predict(
        owner=alice, model=model, features={"size": 100, "rooms": 2, "place": "city"}
    )

    assert answer.output["prediction"] == pytest.approx(130_000)
    assert model.metrics["r2_score"] == pytest.approx(1)
    alice.refresh_from_db()
    assert alice.token_balance == 15 - 1 - 5
    assert [entry.amount for entry in alice.ledger_entries.order_by("seq")] == [15, -1, -5]
