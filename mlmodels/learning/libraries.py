"""The learning libraries, imported by one thread at a time.

Two threads that import parts of scikit-learn can come to wait for each other. Python then lets one of them go
on with a module that is imported by half, and its import fails.
"""

import threading
from importlib import import_module

NEEDED_TO_PREDICT = (
    "joblib",
    "mlmodels.learning.scoring.compiler",
    "mlmodels.learning.trainers.preparation",
    "mlmodels.learning.trainers.calibration",
)
_importing = threading.Lock()


def import_libraries() -> None:
    """What loading a model and predicting with it need. The first call takes seconds, later ones nothing."""
    with _importing:
        for name in NEEDED_TO_PREDICT:
            import_module(name)
