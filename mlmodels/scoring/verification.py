"""Does a compiled scorer answer as its pipeline does? Asked on real rows before it may serve."""

import numpy as np
import pandas as pd

from mlmodels.scoring.pipeline import scorer_of_pipeline

ROWS_MAX = 250
SEED = 42
RELATIVE_TOLERANCE = 1e-9
# What is a rounding error beside the largest answer is none in an answer near zero.
TOLERANCE_OF_LARGEST = 1e-12
UNSEEN_CATEGORY = "never seen before"


def verify(scorer, pipeline, frame: pd.DataFrame) -> bool:
    rows = _trial_rows(frame[[feature.name for feature in scorer.features]], scorer.features)
    expected = _answers_of_pipeline(pipeline, rows)
    given = [_numbers(scorer, row) for row in rows.itertuples(index=False, name=None)]
    scale = max((abs(number) for answer in expected for number in answer[1]), default=0.0)
    differing = [n for n, pair in enumerate(zip(given, expected, strict=True)) if not _agree(*pair, scale)]
    # Where rounding decides, a pipeline may answer differently for a row on its own, which is what counts.
    alone = scorer_of_pipeline(pipeline, scorer.features)
    return all(_agree(given[n], _numbers(alone, rows.iloc[n].tolist()), scale) for n in differing)


def _trial_rows(frame: pd.DataFrame, features) -> pd.DataFrame:
    """Real rows, the same with a blank each, the same with something unseen each, and a row of blanks."""
    real = frame.sample(min(len(frame), ROWS_MAX), random_state=SEED)
    blank, unseen, all_blank = real.copy(), real.copy(), real.head(1).copy()
    for at, feature in enumerate(features):
        is_number = feature.role == "number"
        blank.iloc[at :: len(features), at] = np.nan if is_number else ""
        unseen.iloc[at :: len(features), at] = _beyond(real.iloc[:, at]) if is_number else UNSEEN_CATEGORY
        all_blank.iloc[:, at] = np.nan if is_number else ""
    return pd.concat([real, blank, unseen, all_blank], ignore_index=True)


def _beyond(numbers: pd.Series) -> float:
    """A number past all others."""
    return float(np.nan_to_num(numbers.abs().max())) * 2 + 1


def _answers_of_pipeline(pipeline, rows: pd.DataFrame) -> list[tuple]:
    """(label, numbers) for each row; for regression the label is None."""
    predictions = pipeline.predict(rows).tolist()
    if not hasattr(pipeline, "classes_"):
        return [(None, [prediction]) for prediction in predictions]
    return list(zip(predictions, pipeline.predict_proba(rows).tolist(), strict=True))


def _numbers(scorer, row) -> tuple:
    if scorer.classes is None:
        return None, [scorer.predict(row)]
    return scorer.classify(row)


def _agree(given: tuple, expected: tuple, scale: float) -> bool:
    return given[0] == expected[0] and np.allclose(
        given[1], expected[1], rtol=RELATIVE_TOLERANCE, atol=TOLERANCE_OF_LARGEST * scale
    )
