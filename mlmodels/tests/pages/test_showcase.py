"""The figures that the landing page shows are those that the product makes today."""

import io

import pytest

from mlmodels.learning import samples, tables, trainers
from mlmodels.learning.serving import ModelFacts, ServedModel
from mlmodels.templatetags import showcase


@pytest.fixture(scope="module")
def trained():
    """The sample's columns, the result of the training, and the row that is shown."""
    file = io.BytesIO(samples.csv_bytes("diabetes"))
    summary = tables.inspect(file)
    *features, target = summary.columns
    frame = tables.read(file, summary.dialect, summary.columns)
    labels = frame.pop(target.name)
    plan = trainers.TrainingPlan(
        algorithm="lasso",
        task=trainers.REGRESSION,
        target=target.name,
        features=tuple(trainers.Feature(column.name, column.role) for column in features),
    )
    result = trainers.train(frame, labels, plan)
    facts = ModelFacts(
        columns=[column.to_dict() for column in features],
        seen=result.features,
        reliability=result.report["reliability"],
    )
    return target, result, ServedModel(result.pipeline, facts), frame.iloc[showcase.ROW].to_dict()


def test_verdict_and_distribution_are_those_of_the_sample(trained):
    target, result, _, _ = trained

    assert target.name == showcase.TARGET
    assert result.report["verdict"]["sentence"] == showcase.OPENING + showcase.VERDICT
    assert result.hold_out_rows == showcase.TEST_ROWS
    assert target.profile["histogram"] == {"edges": showcase.EDGES, "counts": showcase.COUNTS}


def test_prediction_interval_and_reasons_are_those_of_the_row(trained):
    _, _, model, values = trained
    row = model.read(values)

    answer, added = model.answer(row), model.explain(row)["contributions"]

    shown = [showcase.PREDICTION, showcase.LOW, showcase.HIGH]
    interval = answer["interval"]
    assert [answer["prediction"], interval["low"], interval["high"]] == pytest.approx(shown, abs=0.01)
    largest = sorted(added, key=lambda name: -abs(added[name]))[: len(showcase.CONTRIBUTIONS)]
    assert {name: added[name] for name in largest} == pytest.approx(showcase.CONTRIBUTIONS, abs=0.01)
