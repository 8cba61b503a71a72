"""How well the intervals around predictions keep their level, and how narrow they are beside MAPIE's.

    pip install -r benchmarks/requirements.txt
    python -m benchmarks.intervals

Three fifths of the rows are known, and intervals at 90 % are asked for the others, over 20 seeds. Both make
them of the same five folds: ours from what these predict, beside a model of all known rows; MAPIE by
CrossConformalRegressor with its default, the method "plus", which keeps the five models.
"""

import warnings

import numpy as np
from mapie.regression import CrossConformalRegressor
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_predict, train_test_split

from mlmodels.learning.trainers.conformal import reliability_of
from mlmodels.learning.trainers.metrics import Predictions
from mlmodels.learning.trainers.reliability import Reliability

SEEDS = 20
LEVEL = 0.9


def harder_above(draw):
    columns = draw.uniform(0, 10, (1500, 4))
    noise = draw.normal(size=1500) * (0.2 + 0.5 * columns[:, 0])
    return columns, 5 * columns[:, 0] + columns[:, 1] + noise


def skewed(draw):
    columns = draw.normal(size=(1500, 5))
    return columns, 2 * columns[:, 0] + columns[:, 1] + draw.exponential(2, 1500)


def prices(draw):
    columns = draw.normal(size=(1500, 5))
    return columns, np.exp(columns @ [0.8, 0.4, 0, 0, 0] + 0.4 * draw.normal(size=1500))


def friedman(draw):
    return make_friedman1(800, noise=1.0, random_state=int(draw.integers(2**31)))


def few_rows(draw):
    columns = draw.normal(size=(150, 5))
    return columns, columns @ [1, 2, 0, 0, 1] + draw.normal(size=150)


def diabetes(draw):
    return load_diabetes(return_X_y=True)


TABLES = (harder_above, skewed, prices, friedman, few_rows, diabetes)
MODELS = {"ridge": RidgeCV, "boosting": lambda: HistGradientBoostingRegressor(max_iter=60)}


def main() -> None:
    warnings.simplefilter("ignore")
    print("| table | model | coverage | width | MAPIE's coverage | its width | width against it |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for table in TABLES:
        for name, model in MODELS.items():
            if table is few_rows and name == "boosting":
                continue
            measured = np.mean([measure(table, model, seed) for seed in range(SEEDS)], axis=0)
            (covered, width), (their_covered, their_width) = measured
            print(
                f"| {table.__name__.replace('_', ' ')} | {name} | {covered:.3f} | {width:.3g} "
                f"| {their_covered:.3f} | {their_width:.3g} | {width / their_width:.2f} |",
                flush=True,
            )


def measure(table, model, seed: int) -> list:
    """Coverage and width on the unknown rows, of ours and of MAPIE."""
    columns, target = table(np.random.default_rng(seed))
    known, unknown, known_target, truth = train_test_split(columns, target, test_size=0.4, random_state=seed)
    folds = KFold(5, shuffle=True, random_state=seed)
    apart = Predictions(known_target, cross_val_predict(model(), known, known_target, cv=folds))
    reliability = Reliability.from_dict(reliability_of(apart))
    predictions = model().fit(known, known_target).predict(unknown)
    ours = np.array([reliability.interval(prediction) for prediction in predictions.tolist()])
    peer = CrossConformalRegressor(model(), confidence_level=LEVEL, cv=folds)
    peer.fit_conformalize(known, known_target)
    theirs = peer.predict_interval(unknown)[1][:, :, 0]
    return [coverage_and_width(ends, truth) for ends in (ours, theirs)]


def coverage_and_width(ends: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    low, high = ends.T
    return np.mean((low <= truth) & (truth <= high)), np.mean(high - low)


if __name__ == "__main__":
    main()
