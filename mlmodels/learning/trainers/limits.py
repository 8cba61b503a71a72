"""The limits of a training run. Documents and tests read these numbers as well."""

from mlmodels.learning.tables.limits import CLASSES_MAX, NUMBER_MAX  # noqa: F401 - limits of training too

SEED = 42  # one seed for the split, the folds, the samples and every algorithm that draws

ESTIMATORS_MIN = 10
ESTIMATORS_MAX = 500
ROUNDS_MAX = 1_000  # of boosting
DEPTH_MAX = 64
NEIGHBORS_MAX = 100

FOLDS_MIN = 2  # of an evaluation by k_fold
FOLDS_MAX = 20
BUDGET_SECONDS_MIN = 1
BUDGET_SECONDS_MAX = 36_000

SEARCH_FOLDS = 5
SEARCH_FITS_MAX = 200  # combinations of a grid times folds

TRAINING_ROWS_MIN = 2
LEARNED_CELLS_MAX = 30_000_000  # features times rows that one process of 4 GB learns from
