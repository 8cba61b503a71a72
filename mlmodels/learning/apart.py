"""Looks at a large file in a process of its own, so that the requests of a web process go on meanwhile.

Most of the time goes into Python code, which holds the interpreter's lock: with the work in a thread, every
other request of the process would wait for it. `python -m mlmodels.learning.apart` is that process. It gets a
function of this package and an open file, and imports no Django.
"""

import io
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from mlplatform.core.errors import DomainError

APART_BYTES_MIN = 1_000_000  # the start of a process takes as long as half of this
NICENESS = 5  # an upload may wait a little longer, so that the web processes answer at once
_ROOT = Path(__file__).parents[2]


def run_apart(function: Callable, file: BinaryIO, *arguments) -> Any:
    """`function(file, *arguments)`, in another process if the file is a large one on disk.

    Raises the DomainError that the function raised. The position in the file stays what it was.
    """
    number = _number_of(file)
    if number is None or os.fstat(number).st_size < APART_BYTES_MIN:
        return function(file, *arguments)
    position = os.lseek(number, 0, os.SEEK_CUR)  # shared with the process
    finished = subprocess.run(  # noqa: S603 - a command of ours
        [sys.executable, "-m", __name__],
        input=pickle.dumps((number, function, arguments)),
        stdout=subprocess.PIPE,
        pass_fds=[number],
        cwd=_ROOT,
        check=False,
    )
    os.lseek(number, position, os.SEEK_SET)
    finished.check_returncode()
    result = pickle.loads(finished.stdout)  # noqa: S301 - a process of ours wrote it
    if isinstance(result, DomainError):
        raise result
    return result


def _number_of(file: BinaryIO) -> int | None:
    """The descriptor of an open file, None where it is in memory."""
    try:
        return file.fileno()
    except (AttributeError, io.UnsupportedOperation):
        return None


def main() -> None:
    os.nice(NICENESS)
    number, function, arguments = pickle.load(sys.stdin.buffer)  # noqa: S301 - the web process wrote it
    with os.fdopen(number, "rb") as file:
        try:
            result = function(file, *arguments)
        except DomainError as refused:
            result = refused
    sys.stdout.buffer.write(pickle.dumps(result))


if __name__ == "__main__":
    main()
