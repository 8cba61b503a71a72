"""Whether the web server of this process was told to stop.

The supervising process gets the signal and creates a file, whose path the serving processes inherit.
"""

import os
from pathlib import Path

VARIABLE = "MLPLATFORM_STOPPING_FILE"


def announce() -> None:
    if path := os.environ.get(VARIABLE):
        Path(path).touch()


def is_stopping() -> bool:
    path = os.environ.get(VARIABLE)
    return path is not None and os.path.exists(path)
