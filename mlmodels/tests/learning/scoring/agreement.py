"""What "the scorer answers as the pipeline does" means, written without the scoring package."""

import numpy as np
import pandas as pd


def assert_agreement(scorer, pipeline, table: pd.DataFrame) -> None:
    """All rows at once; one that differs is asked again on its own, since ties depend on the company."""
    predictions = pipeline.predict(table)
    shares = pipeline.predict_proba(table) if hasattr(pipeline, "classes_") else None
    for number in range(len(table)):
        row = table.iloc[number].tolist()
        share = None if shares is None else shares[number]
        if not row_agrees(scorer, row, predictions[number], share):
            assert_row_agrees(scorer, pipeline, table.iloc[[number]])


def assert_row_agrees(scorer, pipeline, one_row: pd.DataFrame) -> None:
    row = one_row.iloc[0].tolist()
    shares = pipeline.predict_proba(one_row)[0] if hasattr(pipeline, "classes_") else None
    assert row_agrees(scorer, row, pipeline.predict(one_row)[0], shares), row


def row_agrees(scorer, row: list, prediction, shares) -> bool:
    if shares is None:
        return np.isclose(scorer.predict(row), prediction, rtol=1e-9, atol=1e-10)
    same_shares = np.allclose(scorer.predict_proba(row), shares, rtol=1e-9, atol=1e-12)
    return same_shares and scorer.predict(row) == prediction
