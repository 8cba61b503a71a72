"""What the training process finds out about its own model before it says that it is trained."""

import io
from unittest.mock import Mock
from uuid import uuid4

import pytest

from mlmodels.learning import scoring, tables
from mlmodels.learning.trainers import CATEGORY, NUMBER, REGRESSION, DataRefused, Feature, TrainingPlan
from mlmodels.worker import child
from mlmodels.worker.assignment import TrainingAssignment

TABLE = "size,place,price\n" + "".join(f"{n % 97},early,{n % 97 * 3}\n" for n in range(600))
TABLE += "".join(f"{n % 89},late,{n % 89 * 5}\n" for n in range(400))


class WrongOnLateRows:
    """A compiled scorer that is right only for the first rows of the file."""

    def __init__(self, scorer):
        self._scorer = scorer
        self.classes, self.features = scorer.classes, scorer.features

    def predict(self, row):
        return self._scorer.predict(row) + (row[1] == "late")


class FailsOnLateRows:
    """A pipeline that cannot predict the last rows of the file."""

    def __init__(self, pipeline):
        self._pipeline = pipeline

    def predict(self, rows):
        if (rows["place"] == "late").any():
            raise ValueError("no such place")
        return self._pipeline.predict(rows)


@pytest.fixture
def assignment(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    summary = tables.inspect(io.BytesIO(TABLE.encode()))
    size, place, price = (column.to_dict() for column in summary.columns)
    features = (Feature("size", NUMBER), Feature("place", CATEGORY))
    return TrainingAssignment(
        model_uuid=str(uuid4()),
        table_path=str(path),
        dialect=summary.dialect,
        features=[size, place],
        target=price,
        plan=TrainingPlan("linear", REGRESSION, features, "price").to_dict(),
        part_path=str(tmp_path / "model.part"),
        seconds_max=60,
        memory_bytes_max=10**9,
        niceness=0,
        file_bytes_max=10**9,
    )


def test_a_compiled_model_that_predicts_as_the_pipeline_does_is_used(assignment):
    assert child.train(assignment, Mock())["is_compiled"] is True


def test_a_compiled_model_that_is_wrong_at_the_end_of_the_table_is_not_used(assignment, monkeypatch):
    compile_pipeline = scoring.compile_pipeline
    monkeypatch.setattr(scoring, "compile_pipeline", lambda *given: WrongOnLateRows(compile_pipeline(*given)))

    assert child.train(assignment, Mock())["is_compiled"] is False


def test_a_model_that_cannot_predict_the_end_of_the_table_is_refused(assignment, monkeypatch):
    save_and_reload = child.save_and_reload
    monkeypatch.setattr(child, "save_and_reload", lambda *given: FailsOnLateRows(save_and_reload(*given)))

    with pytest.raises(DataRefused, match="cannot predict"):
        child.train(assignment, Mock())
