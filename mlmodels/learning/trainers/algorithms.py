"""The algorithms: each one class and one name in TRAINERS.

scikit-learn is imported when an estimator is made, not before, so that forms, schemas and checks stay light.
"""

from mlmodels.learning.trainers.errors import DataRefused, PlanRefused
from mlmodels.learning.trainers.limits import DEPTH_MAX, ESTIMATORS_MAX, ESTIMATORS_MIN, NEIGHBORS_MAX, SEED
from mlmodels.learning.trainers.parameters import Parameter, shorten
from mlmodels.learning.trainers.trainer import BOOSTING, CLASSIFICATION, REGRESSION, SCALED, TREES, Trainer

FIT_INTERCEPT = Parameter(
    "fit_intercept", "bool", True, help="Whether the line may start anywhere or must pass through zero."
)
CLASS_WEIGHT = Parameter(
    "class_weight",
    "str",
    None,
    choices=("balanced",),
    nullable=True,
    tasks=(CLASSIFICATION,),
    help="'balanced' gives rare classes as much say as common ones.",
)
MAX_DEPTH = Parameter(
    "max_depth",
    "int",
    None,
    minimum=1,
    maximum=DEPTH_MAX,
    nullable=True,
    help="How many questions a tree asks in a row; null lets it grow until its leaves are pure.",
)
MIN_SAMPLES_SPLIT = Parameter(
    "min_samples_split", "int", 2, minimum=2, maximum=10_000, help="The fewest rows that are still divided."
)
MIN_SAMPLES_LEAF = Parameter(
    "min_samples_leaf",
    "int",
    1,
    minimum=1,
    maximum=10_000,
    help="The fewest rows in a leaf; more is smoother.",
)
CRITERION = Parameter(
    "criterion",
    "str",
    "gini",
    choices=("gini", "entropy", "log_loss"),
    tasks=(CLASSIFICATION,),
    help="How the purity of a division is measured.",
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
    summary = "Linear regression held back from extreme weights: steadier with many or related columns."
    family = SCALED
    tasks = (REGRESSION,)
    parameters = (
        Parameter(
            "alpha", "float", 1.0, minimum=1e-6, maximum=1e6, help="How strongly large weights are held back."
        ),
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
        Parameter(
            "C", "float", 1.0, minimum=1e-6, maximum=1e6, help="Smaller holds large weights back more."
        ),
        Parameter(
            "max_iter",
            "int",
            1000,
            minimum=10,
            maximum=5000,
            searchable=False,
            help="How many rounds the solver may take before it stops where it is.",
        ),
        FIT_INTERCEPT,
        CLASS_WEIGHT,
    )
    default_grid = {"C": (0.01, 0.1, 1.0, 10.0, 100.0)}

    def estimator(self, task, parameters):
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(random_state=SEED, **parameters)


class NearestNeighbors(Trainer):
    name = "knn"
    label = "Nearest neighbours"
    summary = "Answers from the most similar rows it has seen. Good on small tables with few columns."
    family = SCALED
    parameters = (
        Parameter(
            "n_neighbors",
            "int",
            5,
            minimum=1,
            maximum=NEIGHBORS_MAX,
            help="How many similar rows are asked; at most as many as there are training rows.",
        ),
        Parameter(
            "weights",
            "str",
            "uniform",
            choices=("uniform", "distance"),
            help="'distance' lets closer rows count for more.",
        ),
    )
    default_grid = {"n_neighbors": (3, 5, 7, 11, 15), "weights": ("uniform", "distance")}

    def estimator(self, task, parameters):
        from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

        return (KNeighborsRegressor if task == REGRESSION else KNeighborsClassifier)(**parameters)

    def check_rows(self, parameters, training_rows):
        wanted = parameters["n_neighbors"]
        if wanted > training_rows:
            raise DataRefused(
                f"n_neighbors is {wanted} and there are only {training_rows} rows to learn from. "
                f"Choose {training_rows} or less, or bring more rows.",
                field="n_neighbors",
            )


class DecisionTree(Trainer):
    name = "decision_tree"
    label = "Decision tree"
    summary = "One chain of questions per row. Easy to read, coarse in its answers."
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
    summary = "The average of many varied trees. Strong without tuning; large and slower on big tables."
    family = TREES
    parameters = (
        Parameter(
            "n_estimators",
            "int",
            100,
            minimum=ESTIMATORS_MIN,
            maximum=ESTIMATORS_MAX,
            help="How many trees are averaged.",
        ),
        MAX_DEPTH,
        MIN_SAMPLES_SPLIT,
        MIN_SAMPLES_LEAF,
        Parameter(
            "max_features",
            "str",
            "auto",
            choices=("auto", "sqrt", "log2"),
            nullable=True,
            help="How many columns a division may choose from: null all, 'sqrt' or 'log2' of their number, "
            "'auto' all for regression and the square root for classification.",
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
    summary = "Small trees, each mending what the ones before got wrong. Often the best on larger tables."
    family = BOOSTING
    parameters = (
        Parameter(
            "max_iter",
            "int",
            100,
            minimum=ESTIMATORS_MIN,
            maximum=ESTIMATORS_MAX,
            help="How many trees follow each other at most.",
        ),
        Parameter(
            "learning_rate", "float", 0.1, minimum=0.001, maximum=1.0, help="How much each tree may mend."
        ),
        Parameter(
            "max_leaf_nodes",
            "int",
            31,
            minimum=2,
            maximum=255,
            nullable=True,
            help="The most leaves per tree; null for no limit.",
        ),
        MAX_DEPTH,
        Parameter(
            "min_samples_leaf", "int", 20, minimum=1, maximum=10_000, help="The fewest rows in a leaf."
        ),
        Parameter(
            "l2_regularization",
            "float",
            0.0,
            minimum=0.0,
            maximum=1e6,
            help="How strongly leaves are held back.",
        ),
        CLASS_WEIGHT,
    )
    default_grid = {"learning_rate": (0.03, 0.1, 0.3), "max_leaf_nodes": (7, 31)}

    def estimator(self, task, parameters):
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        chosen = HistGradientBoostingRegressor if task == REGRESSION else HistGradientBoostingClassifier
        return chosen(random_state=SEED, categorical_features=None, **parameters)


class Auto(Trainer):
    """No estimator of its own: auto.py lets the others compete."""

    name = "auto"
    label = "Best of all"
    summary = "Tries every suitable algorithm on the same rows and keeps the best one."


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
