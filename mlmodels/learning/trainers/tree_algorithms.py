"""The algorithms made of trees."""

from mlmodels.learning.trainers.limits import DEPTH_MAX, ESTIMATORS_MAX, ESTIMATORS_MIN, ROUNDS_MAX, SEED
from mlmodels.learning.trainers.linear_algorithms import CLASS_WEIGHT
from mlmodels.learning.trainers.parameters import Parameter, choice, integer, number
from mlmodels.learning.trainers.trainer import BOOSTING, CLASSIFICATION, REGRESSION, TREES, Trainer

MAX_DEPTH = integer(
    "max_depth",
    None,
    1,
    DEPTH_MAX,
    "The largest depth of a tree; null for no limit.",
    nullable=True,
    search_range=(2, 20),
)
MIN_SAMPLES_SPLIT = integer(
    "min_samples_split", 2, 2, 10_000, "The fewest rows that a split needs.", log=True, search_range=(2, 100)
)


def min_samples_leaf(default: int) -> Parameter:
    help = "The fewest rows in a leaf; more gives a smoother model."
    return integer("min_samples_leaf", default, 1, 10_000, help, log=True, search_range=(1, 20))


CRITERION = choice(
    "criterion",
    "gini",
    ("gini", "entropy", "log_loss"),
    "How the quality of a split is measured.",
    tasks=(CLASSIFICATION,),
)
N_ESTIMATORS = integer(
    "n_estimators", 100, ESTIMATORS_MIN, ESTIMATORS_MAX, "The number of trees.", search_range=(50, 300)
)
SHARES_OF_COLUMNS = {"third": 1 / 3, "half": 1 / 2}


def max_features(default: str) -> Parameter:
    return choice(
        "max_features",
        default,
        ("auto", "sqrt", "log2", "third", "half"),
        "How many columns a split may choose from: null all, 'sqrt' or 'log2' of their number, 'third' or "
        "'half' of them, 'auto' all for regression and the square root for classification.",
        nullable=True,
    )


class DecisionTree(Trainer):
    name = "decision_tree"
    label = "Decision tree"
    summary = "A series of yes/no questions about the columns. Easy to read, less precise."
    family = TREES
    parameters = (MAX_DEPTH, MIN_SAMPLES_SPLIT, min_samples_leaf(1), CRITERION, CLASS_WEIGHT)
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
        N_ESTIMATORS,
        MAX_DEPTH,
        MIN_SAMPLES_SPLIT,
        min_samples_leaf(1),
        max_features("auto"),
        CRITERION,
        CLASS_WEIGHT,
    )
    default_grid = {"n_estimators": (50, 100), "max_depth": (5, None), "min_samples_leaf": (1, 5)}

    def estimator(self, task, parameters):
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        chosen = RandomForestRegressor if task == REGRESSION else RandomForestClassifier
        return chosen(random_state=SEED, **with_share_of_columns(task, parameters))


class ExtraTrees(Trainer):
    name = "extra_trees"
    label = "Extra trees"
    summary = "A forest whose splits are drawn at random: quicker and smoother than a random forest."
    family = TREES
    parameters = (
        N_ESTIMATORS,
        MAX_DEPTH,
        MIN_SAMPLES_SPLIT,
        min_samples_leaf(2),
        max_features("auto"),
        CRITERION,
        CLASS_WEIGHT,
    )
    default_grid = {"min_samples_leaf": (1, 2, 5), "max_features": ("sqrt", "half")}

    def estimator(self, task, parameters):
        from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

        chosen = ExtraTreesRegressor if task == REGRESSION else ExtraTreesClassifier
        return chosen(random_state=SEED, **with_share_of_columns(task, parameters))


def with_share_of_columns(task: str, parameters: dict) -> dict:
    """`max_features` as scikit-learn takes it."""
    wanted = parameters["max_features"]
    if wanted == "auto":
        return {**parameters, "max_features": None if task == REGRESSION else "sqrt"}
    return {**parameters, "max_features": SHARES_OF_COLUMNS.get(wanted, wanted)}


class GradientBoosting(Trainer):
    name = "gradient_boosting"
    label = "Gradient boosting"
    summary = "Small trees, each correcting the errors of those before. Often the best on larger tables."
    family = BOOSTING
    rounds = "max_iter"
    parameters = (
        integer(
            "max_iter",
            None,
            ESTIMATORS_MIN,
            ROUNDS_MAX,
            "The number of boosting rounds; null stops where more of them no longer help.",
            nullable=True,
            search_range=(50, 500),
        ),
        number(
            "learning_rate",
            0.1,
            0.001,
            1.0,
            "How much each tree corrects.",
            log=True,
            search_range=(0.01, 0.3),
        ),
        integer(
            "max_leaf_nodes",
            31,
            2,
            255,
            "The most leaves per tree; null for no limit.",
            nullable=True,
            log=True,
            search_range=(4, 128),
        ),
        MAX_DEPTH,
        integer(
            "min_samples_leaf", 20, 1, 10_000, "The fewest rows in a leaf.", log=True, search_range=(2, 100)
        ),
        number(
            "l2_regularization",
            0.0,
            0.0,
            1e6,
            "How strongly large leaf values are penalized.",
            log=True,
            search_range=(1e-3, 100.0),
        ),
        number(
            "max_features",
            1.0,
            0.05,
            1.0,
            "The share of the columns that a split may choose from.",
            search_range=(0.3, 1.0),
        ),
        CLASS_WEIGHT,
    )
    default_grid = {"learning_rate": (0.03, 0.1, 0.3), "max_leaf_nodes": (7, 31)}

    def estimator(self, task, parameters):
        """Without rounds of its own it gets the most there may be; see `preparation.build_model`."""
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        chosen = HistGradientBoostingRegressor if task == REGRESSION else HistGradientBoostingClassifier
        rounds = parameters["max_iter"] or ROUNDS_MAX
        return chosen(random_state=SEED, categorical_features=None, **{**parameters, "max_iter": rounds})
