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
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, BinaryIO

from mlplatform.core.errors import DomainError

APART_BYTES_MIN = 1_000_000  # the start of a process takes as long as half of this
NICENESS = 5  # an upload may wait a little longer, so that the web processes answer at once
REPORT_SECONDS = 0.5
_PIPE_BYTES = 1 << 16
_ROOT = Path(__file__).parents[2]


def run_apart(
    function: Callable, file: BinaryIO, *arguments, on_read: Callable[[int], None] = lambda read: None
) -> Any:
    """`function(file, *arguments)`, in another process if the file is a large one on disk.

    Raises the DomainError that the function raised. The position in the file stays what it was. `on_read` is
    called now and then with the bytes that were read so far, in all passes over the file together. What it
    raises ends the process.
    """
    number = _number_of(file)
    if number is None or os.fstat(number).st_size < APART_BYTES_MIN:
        return function(file, *arguments)
    position = os.lseek(number, 0, os.SEEK_CUR)
    process = subprocess.Popen(  # noqa: S603 - a command of ours
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,  # stays open: its end tells the process that this one is gone
        stdout=subprocess.PIPE,
        pass_fds=[number],
        cwd=_ROOT,
    )
    try:
        with suppress(BrokenPipeError):  # it has crashed, and its status says so
            pickle.dump((number, function, arguments), process.stdin)
            process.stdin.flush()
        answer = _answer_of(process, BytesRead(number), on_read)
        if process.wait():
            raise subprocess.CalledProcessError(process.returncode, process.args)
    finally:
        process.kill()
        with suppress(BrokenPipeError):
            process.__exit__(None, None, None)
        os.lseek(number, position, os.SEEK_SET)
    result = pickle.loads(answer)  # noqa: S301 - a process of ours wrote it
    if isinstance(result, DomainError):
        raise result
    return result


class BytesRead:
    """How much of an open file a process has read, in all its passes, by the position that it shares."""

    def __init__(self, number: int):
        self._number, self._size = number, os.fstat(number).st_size
        self._position = self._in_earlier_passes = 0

    def so_far(self) -> int:
        position = os.lseek(self._number, 0, os.SEEK_CUR)
        if position < self._position:
            self._in_earlier_passes += self._size
        self._position = position
        return self._in_earlier_passes + position


def _answer_of(process: subprocess.Popen, read: BytesRead, on_read: Callable[[int], None]) -> bytes:
    parts = []
    while True:
        if not wait([process.stdout], timeout=REPORT_SECONDS):
            on_read(read.so_far())
        elif part := os.read(process.stdout.fileno(), _PIPE_BYTES):
            parts.append(part)
        else:
            return b"".join(parts)


def _number_of(file: BinaryIO) -> int | None:
    """The descriptor of an open file, None where it is in memory."""
    try:
        return file.fileno()
    except (AttributeError, io.UnsupportedOperation):
        return None


def main() -> None:
    os.nice(NICENESS)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, range(os.cpu_count()))  # the web process that started it is pinned to one
    number, function, arguments = pickle.load(sys.stdin.buffer)  # noqa: S301 - the process above wrote it
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with os.fdopen(number, "rb") as file:
        try:
            result = function(file, *arguments)
        except DomainError as refused:
            result = refused
    sys.stdout.buffer.write(pickle.dumps(result))


def _end_with_parent() -> None:
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    main()
