"""Whether the web server to which this process belongs was told to stop.

Its supervising process gets the signal and tells the serving ones by a file, whose path they inherit.
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
