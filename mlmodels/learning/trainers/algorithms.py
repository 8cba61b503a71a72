"""The algorithms: each one class and one name in TRAINERS.

scikit-learn is imported when an estimator is made, not before, so that forms, schemas and checks stay light.
"""

from mlmodels.learning.trainers.errors import DataRefused, PlanRefused
from mlmodels.learning.trainers.limits import DEPTH_MAX, ESTIMATORS_MAX, ESTIMATORS_MIN, NEIGHBORS_MAX, SEED
from mlmodels.learning.trainers.parameters import boolean, choice, integer, number, shorten
from mlmodels.learning.trainers.trainer import BOOSTING, CLASSIFICATION, REGRESSION, SCALED, TREES, Trainer

FIT_INTERCEPT = boolean("fit_intercept", True, "Whether to fit an intercept, or force the line through zero.")
CLASS_WEIGHT = choice(
    "class_weight",
    None,
    ("balanced",),
    "'balanced' gives rare classes the same total weight as common ones.",
    nullable=True,
    tasks=(CLASSIFICATION,),
)
MAX_DEPTH = integer(
    "max_depth", None, 1, DEPTH_MAX, "The largest depth of a tree; null for no limit.", nullable=True
)
MIN_SAMPLES_SPLIT = integer("min_samples_split", 2, 2, 10_000, "The fewest rows that a split needs.")
MIN_SAMPLES_LEAF = integer(
    "min_samples_leaf", 1, 1, 10_000, "The fewest rows in a leaf; more gives a smoother model."
)
CRITERION = choice(
    "criterion",
    "gini",
    ("gini", "entropy", "log_loss"),
    "How the quality of a split is measured.",
    tasks=(CLASSIFICATION,),
)


class Linear(Trainer):
    name = "linear"
    label = "Linear regression"
    summary = "A weighted sum of the columns. Quick, easy to explain, good on small tables."
    family = SCALED
    tasks = (REGRESSION,)
    parameters = (FIT_INTERCEPT,)
    default_grid = {"fit_intercept": (True, False)}

    def estimator(self, task, parameters):
        from sklearn.linear_model import LinearRegression

        # By default every direction a million times weaker than the strongest one is dropped
        return LinearRegression(tol=1e-12, **parameters)


class Ridge(Trainer):
    name = "ridge"
    label = "Ridge regression"
    summary = "Linear regression with smaller weights: more stable with many or correlated columns."
    family = SCALED
    tasks = (REGRESSION,)
    parameters = (
        number("alpha", 1.0, 1e-6, 1e6, "How strongly large weights are penalized."),
        FIT_INTERCEPT,
    )
    default_grid = {"alpha": (0.01, 0.1, 1.0, 10.0, 100.0)}

    def estimator(self, task, parameters):
        from sklearn.linear_model import Ridge

        return Ridge(random_state=SEED, **parameters)


class Logistic(Trainer):
    name = "logistic"
    label = "Logistic regression"
    summary = "A weighted sum turned into probabilities. Quick, easy to explain, good on small tables."
    family = SCALED
    tasks = (CLASSIFICATION,)
    parameters = (
        number("C", 1.0, 1e-6, 1e6, "Smaller values penalize large weights more."),
        integer("max_iter", 1000, 10, 5000, "The most iterations of the solver.", searchable=False),
        FIT_INTERCEPT,
        CLASS_WEIGHT,
    )
    default_grid = {"C": (0.01, 0.1, 1.0, 10.0, 100.0)}

    def estimator(self, task, parameters):
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(random_state=SEED, **parameters)


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


class DecisionTree(Trainer):
    name = "decision_tree"
    label = "Decision tree"
    summary = "A series of yes/no questions about the columns. Easy to read, less precise."
    family = TREES
    parameters = (MAX_DEPTH, MIN_SAMPLES_SPLIT, MIN_SAMPLES_LEAF, CRITERION, CLASS_WEIGHT)
    default_grid = {"max_depth": (3, 5, 10, None), "min_samples_leaf": (1, 5, 20)}

    def estimator(self, task, parameters):
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        chosen = DecisionTreeRegressor if task == REGRESSION else DecisionTreeClassifier
        return chosen(random_state=SEED, **parameters)


class RandomForest(Trainer):
    name = "random_forest"
    label = "Random forest"
    summary = "The average of many different trees. Strong without tuning; large and slow on big tables."
    family = TREES
    parameters = (
        integer("n_estimators", 100, ESTIMATORS_MIN, ESTIMATORS_MAX, "The number of trees."),
        MAX_DEPTH,
        MIN_SAMPLES_SPLIT,
        MIN_SAMPLES_LEAF,
        choice(
            "max_features",
            "auto",
            ("auto", "sqrt", "log2"),
            "How many columns a split may choose from: null all, 'sqrt' or 'log2' of their number, "
            "'auto' all for regression and the square root for classification.",
            nullable=True,
        ),
        CRITERION,
        CLASS_WEIGHT,
    )
    default_grid = {"n_estimators": (50, 100), "max_depth": (5, None), "min_samples_leaf": (1, 5)}

    def estimator(self, task, parameters):
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        chosen = RandomForestRegressor if task == REGRESSION else RandomForestClassifier
        if parameters["max_features"] == "auto":
            parameters = {**parameters, "max_features": None if task == REGRESSION else "sqrt"}
        return chosen(random_state=SEED, **parameters)


class GradientBoosting(Trainer):
    name = "gradient_boosting"
    label = "Gradient boosting"
    summary = "Small trees, each correcting the errors of those before. Often the best on larger tables."
    family = BOOSTING
    parameters = (
        integer("max_iter", 100, ESTIMATORS_MIN, ESTIMATORS_MAX, "The largest number of boosting rounds."),
        number("learning_rate", 0.1, 0.001, 1.0, "How much each tree corrects."),
        integer("max_leaf_nodes", 31, 2, 255, "The most leaves per tree; null for no limit.", nullable=True),
        MAX_DEPTH,
        integer("min_samples_leaf", 20, 1, 10_000, "The fewest rows in a leaf."),
        number("l2_regularization", 0.0, 0.0, 1e6, "How strongly large leaf values are penalized."),
        CLASS_WEIGHT,
    )
    default_grid = {"learning_rate": (0.03, 0.1, 0.3), "max_leaf_nodes": (7, 31)}

    def estimator(self, task, parameters):
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        chosen = HistGradientBoostingRegressor if task == REGRESSION else HistGradientBoostingClassifier
        return chosen(random_state=SEED, categorical_features=None, **parameters)


class Auto(Trainer):
    """No estimator of its own: auto.py compares the others."""

    name = "auto"
    label = "Automatic"
    summary = "Compares every suitable algorithm on the same rows and keeps the best one."


TRAINERS: dict[str, Trainer] = {
    "linear": Linear(),
    "ridge": Ridge(),
    "logistic": Logistic(),
    "knn": NearestNeighbors(),
    "decision_tree": DecisionTree(),
    "random_forest": RandomForest(),
    "gradient_boosting": GradientBoosting(),
    "auto": Auto(),
}


def get(name: object) -> Trainer:
    """The trainer of this name, or PlanRefused with the names there are."""
    if isinstance(name, str) and name in TRAINERS:
        return TRAINERS[name]
    raise PlanRefused(
        f"There is no algorithm {shorten(name)}. Choose one of: {', '.join(TRAINERS)}.", field="algorithm"
    )


def parameter_types() -> dict[str, dict[str, str]]:
    """Algorithm to {parameter: type}, as the public list of algorithms shows it."""
    return {name: {p.name: p.type for p in trainer.parameters} for name, trainer in TRAINERS.items()}
