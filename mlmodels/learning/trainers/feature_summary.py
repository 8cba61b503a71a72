"""What a prediction form needs to know about each column: typical value, range, categories."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mlmodels.learning.trainers.plan import CATEGORY, NUMBER, Feature

CATEGORIES_SHOWN = 100


def describe_features(frame: pd.DataFrame, features: Sequence[Feature]) -> list[dict]:
    """One plain dict per feature, of the training rows."""
    describe = {NUMBER: describe_numbers, CATEGORY: describe_categories}
    return [
        {
            "name": feature.name,
            "role": feature.role,
            **describe.get(feature.role, describe_texts)(frame[feature.name]),
        }
        for feature in features
    ]


def describe_numbers(column: pd.Series) -> dict:
    """`typical` is the lower middle value, so that it is one that occurs: no half years, no half yes."""
    observed = column.dropna().to_numpy()
    if not len(observed):
        unknown = dict.fromkeys(("typical", "minimum", "maximum", "mean"))
        return {**unknown, "missing": len(column), "whole": True}
    return {
        "typical": float(np.quantile(observed, 0.5, method="lower")),
        "minimum": float(observed.min()),
        "maximum": float(observed.max()),
        "mean": float(observed.mean()),
        "missing": len(column) - len(observed),
        "whole": bool(np.all(observed == np.floor(observed))),
    }


def describe_categories(column: pd.Series) -> dict:
    """`categories` are the most frequent ones with their rows, blanks not among them."""
    counts = column[column != ""].value_counts()
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {
        "typical": ranked[0][0] if ranked else None,
        "categories": [[value, int(count)] for value, count in ranked[:CATEGORIES_SHOWN]],
        "distinct": len(ranked),
        "missing": int((column == "").sum()),
    }


def describe_texts(column: pd.Series) -> dict:
    """Of free texts none is typical."""
    return {"typical": None, "missing": int((column == "").sum())}
