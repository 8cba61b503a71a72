"""The algorithms that learn a weight for each column, and naive Bayes beside them."""

from mlmodels.learning.trainers.limits import SEED
from mlmodels.learning.trainers.parameters import boolean, choice, integer, number
from mlmodels.learning.trainers.trainer import CLASSIFICATION, REGRESSION, SCALED, PenalizedTrainer, Trainer

FIT_INTERCEPT = boolean("fit_intercept", True, "Whether to fit an intercept, or force the line through zero.")
CLASS_WEIGHT = choice(
    "class_weight",
    None,
    ("balanced",),
    "'balanced' gives rare classes the same total weight as common ones.",
    nullable=True,
    tasks=(CLASSIFICATION,),
)
NUMBERS = choice(
    "numbers",
    "linear",
    ("linear", "clipped", "spline"),
    "How a number counts: 'linear' in proportion; 'clipped' no further than the middle 98 % of the values; "
    "'spline' with another slope in each quarter of the values.",
)
PENALTY_MIN, PENALTY_MAX = 1e-9, 1e9
COORDINATE_ROUNDS_MAX = 2_000


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


def of_estimator(parameters: dict) -> dict:
    """Without `numbers`, which is about the preparation."""
    return {name: value for name, value in parameters.items() if name != NUMBERS.name}


def penalty_of_weights(help: str):
    return number(
        "alpha",
        None,
        PENALTY_MIN,
        PENALTY_MAX,
        f"{help} null chooses it by cross-validation.",
        nullable=True,
        log=True,
        search_range=(1e-3, 1e3),
    )


class Ridge(PenalizedTrainer):
    name = "ridge"
    label = "Ridge regression"
    summary = "Linear regression with smaller weights: more stable with many or correlated columns."
    family = SCALED
    tasks = (REGRESSION,)
    penalty = "alpha"
    parameters = (penalty_of_weights("How strongly large weights are penalized."), FIT_INTERCEPT, NUMBERS)
    default_grid = {"alpha": (0.01, 0.1, 1.0, 10.0, 100.0)}

    def penalties(self, labels):
        return [10 ** (exponent / 2) for exponent in range(10, -7, -1)]

    def estimator(self, task, parameters):
        from sklearn.linear_model import Ridge

        return Ridge(random_state=SEED, **of_estimator(parameters))


class Lasso(PenalizedTrainer):
    name = "lasso"
    label = "Lasso regression"
    summary = "Linear regression that leaves out columns of little use: a short formula out of many columns."
    family = SCALED
    tasks = (REGRESSION,)
    penalty = "alpha"
    parameters = (
        penalty_of_weights("How strongly weights are penalized; more leaves out more columns."),
        FIT_INTERCEPT,
        NUMBERS,
    )
    default_grid = {"alpha": (0.001, 0.01, 0.1, 1.0, 10.0)}

    def penalties(self, labels):
        """In proportion to the target: above its standard deviation every weight is zero."""
        std = float(labels.std()) or 1.0
        steps = [std * 10 ** (-exponent / 6) for exponent in range(25)]
        return [min(max(step, PENALTY_MIN), PENALTY_MAX) for step in steps]

    def estimator(self, task, parameters):
        from sklearn.linear_model import Lasso

        return Lasso(random_state=SEED, max_iter=COORDINATE_ROUNDS_MAX, **of_estimator(parameters))


class ElasticNet(Lasso):
    name = "elastic_net"
    label = "Elastic net"
    summary = "Between ridge and lasso: leaves out columns, and keeps those together that say the same."
    parameters = (
        *Lasso.parameters,
        number("l1_ratio", 0.5, 0.01, 1.0, "1 penalizes as the lasso does, near 0 as ridge regression does."),
    )
    default_grid = {"alpha": (0.01, 0.1, 1.0), "l1_ratio": (0.1, 0.5, 0.9)}

    def estimator(self, task, parameters):
        from sklearn.linear_model import ElasticNet

        return ElasticNet(random_state=SEED, max_iter=COORDINATE_ROUNDS_MAX, **of_estimator(parameters))


class Logistic(PenalizedTrainer):
    name = "logistic"
    label = "Logistic regression"
    summary = "A weighted sum turned into probabilities. Quick, easy to explain, good on small tables."
    family = SCALED
    tasks = (CLASSIFICATION,)
    penalty = "C"
    parameters = (
        number(
            "C",
            1.0,
            1e-6,
            1e6,
            "Smaller values penalize large weights more; null chooses it by cross-validation.",
            nullable=True,
            log=True,
            search_range=(1e-3, 1e3),
        ),
        integer("max_iter", 1000, 10, 5000, "The most iterations of the solver.", searchable=False),
        FIT_INTERCEPT,
        CLASS_WEIGHT,
        NUMBERS,
    )
    default_grid = {"C": (0.01, 0.1, 1.0, 10.0, 100.0)}

    def penalties(self, labels):
        return [10 ** (exponent / 2) for exponent in range(-6, 7)]

    def estimator(self, task, parameters):
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(random_state=SEED, **of_estimator(parameters))


class NaiveBayes(Trainer):
    name = "naive_bayes"
    takes_sparse = False
    label = "Naive Bayes"
    summary = (
        "Weighs the columns as if they were independent. The quickest of all, good on very small tables."
    )
    family = SCALED
    tasks = (CLASSIFICATION,)
    parameters = (
        number(
            "var_smoothing",
            1e-9,
            1e-12,
            1.0,
            "The share of the largest variance that is added to every variance; more is smoother.",
            log=True,
        ),
    )
    default_grid = {"var_smoothing": (1e-9, 1e-6, 1e-3, 0.1)}

    def estimator(self, task, parameters):
        from sklearn.naive_bayes import GaussianNB

        return GaussianNB(**parameters)
