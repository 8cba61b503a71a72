"""A budget in processor time, so that it is the same on a busy machine."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock


@contextmanager
def processor_clock() -> Iterator[None]:
    """Python's clocks tell the processor time of this process: a system asks them for its budget."""
    start = time.time()
    with (
        mock.patch("time.time", lambda: start + time.process_time()),
        mock.patch("time.monotonic", time.process_time),
        mock.patch("time.perf_counter", time.process_time),
    ):
        yield
