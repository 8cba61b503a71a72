"""The algorithms: each one class and one name in TRAINERS.

scikit-learn is imported when an estimator is made, not before, so that forms, schemas and checks stay light.
"""

from mlmodels.learning.trainers.errors import DataRefused, PlanRefused
from mlmodels.learning.trainers.limits import NEIGHBORS_MAX
from mlmodels.learning.trainers.linear_algorithms import (
    ElasticNet,
    Lasso,
    Linear,
    Logistic,
    NaiveBayes,
    Ridge,
)
from mlmodels.learning.trainers.parameters import choice, integer, shorten
from mlmodels.learning.trainers.trainer import REGRESSION, SCALED, Algorithm, Trainer
from mlmodels.learning.trainers.tree_algorithms import (
    DecisionTree,
    ExtraTrees,
    GradientBoosting,
    RandomForest,
)

ENSEMBLE = "ensemble"  # no algorithm to order: what auto may make out of several


class NearestNeighbors(Trainer):
    name = "knn"
    label = "Nearest neighbors"
    summary = "Predicts from the most similar training rows. Good on small tables with few columns."
    family = SCALED
    parameters = (
        integer(
            "n_neighbors",
            5,
            1,
            NEIGHBORS_MAX,
            "How many similar rows to use; at most the number of training rows.",
            log=True,
            search_range=(2, 50),
        ),
        choice("weights", "uniform", ("uniform", "distance"), "'distance' lets closer rows count for more."),
    )
    default_grid = {"n_neighbors": (3, 5, 7, 11, 15), "weights": ("uniform", "distance")}

    def estimator(self, task, parameters):
        from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

        return (KNeighborsRegressor if task == REGRESSION else KNeighborsClassifier)(**parameters)

    def check_rows(self, parameters, training_rows):
        wanted = parameters["n_neighbors"]
        if wanted > training_rows:
            raise DataRefused(
                f"n_neighbors is {wanted} and there are only {training_rows} training rows. "
                f"Choose {training_rows} or less, or add more rows.",
                field="n_neighbors",
            )


class Auto(Algorithm):
    """No estimator of its own: auto.py compares the others."""

    name = "auto"
    label = "Automatic"
    summary = "Compares every suitable algorithm on the same rows and keeps the best one."


TRAINERS: dict[str, Algorithm] = {
    "linear": Linear(),
    "ridge": Ridge(),
    "lasso": Lasso(),
    "elastic_net": ElasticNet(),
    "logistic": Logistic(),
    "naive_bayes": NaiveBayes(),
    "knn": NearestNeighbors(),
    "decision_tree": DecisionTree(),
    "random_forest": RandomForest(),
    "extra_trees": ExtraTrees(),
    "gradient_boosting": GradientBoosting(),
    "auto": Auto(),
}


def get(name: object) -> Algorithm:
    """The one of this name, or PlanRefused with the names there are."""
    if isinstance(name, str) and name in TRAINERS:
        return TRAINERS[name]
    raise PlanRefused(
        f"There is no algorithm {shorten(name)}. Choose one of: {', '.join(TRAINERS)}.", field="algorithm"
    )


def label_of(name: str) -> str:
    """What a model is called that was made by this algorithm; auto can also make an ensemble."""
    if name == ENSEMBLE:
        return "Weighted ensemble"
    return TRAINERS[name].label if name in TRAINERS else name


def parameter_types() -> dict[str, dict[str, str]]:
    """Algorithm to {parameter: type}, as the public list of algorithms shows it."""
    return {name: {p.name: p.type for p in trainer.parameters} for name, trainer in TRAINERS.items()}
