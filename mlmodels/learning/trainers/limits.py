"""The limits of a training run. Documents and tests read these numbers as well."""

from mlmodels.learning.tables.limits import CLASSES_MAX, NUMBER_MAX  # noqa: F401 - limits of training too

SEED = 42  # one seed for the split, the folds, the samples and every algorithm that draws

ESTIMATORS_MIN = 10
ESTIMATORS_MAX = 500
DEPTH_MAX = 64
NEIGHBORS_MAX = 100

SEARCH_FOLDS = 5
SEARCH_FITS_MAX = 200  # combinations of a grid times folds

TRAINING_ROWS_MIN = 2
