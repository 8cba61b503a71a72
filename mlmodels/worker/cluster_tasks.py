"""What runs on a Dask cluster: functions of `mlmodels.learning` by name, with plain data. Imports no Dask.

Tasks travel as bytes, so that neither scheduler nor dashboard sees what is in them, and an exception travels
as a result: Dask would write it to its log together with the arguments.
"""

import hashlib
import io
import pickle
import sys
import threading
import time
import traceback
import warnings
from functools import cache
from importlib.metadata import version
from pathlib import Path

import mlmodels.learning
from mlmodels.errors import ClusterUnavailable
from mlmodels.limits import TRAINING_THREADS

LIBRARIES = ("scikit-learn", "numpy", "pandas")
TASKS_MODULE = "mlmodels.learning."

_unpacking = threading.Lock()


@cache
def versions() -> dict[str, str]:
    """What must be the same everywhere for equal figures and models; `mlplatform` is a hash of our code."""
    folder = Path(mlmodels.learning.__file__).parent
    code = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        code.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return {
        "Python": "{}.{}".format(*sys.version_info),
        **{name: version(name) for name in LIBRARIES},
        "mlplatform": code.hexdigest()[:12],
    }


class Packed:
    """A shared value as bytes, unpacked once in each process. `others` are the shared values by name."""

    def __init__(self, name: str, data: bytes):
        self.name, self._data = name, data

    def __reduce__(self):
        return Packed, (self.name, self._data)

    def __sizeof__(self) -> int:
        return len(self._data)

    def value(self, others: dict[str, "Packed"]) -> object:
        with _unpacking:
            return self._unpacked(others)

    def _unpacked(self, others: dict[str, "Packed"]) -> object:
        if not hasattr(self, "_value"):
            self._value = Unpacker(self._data, lambda name: others[name]._unpacked(others)).load()
        return self._value


class Unpacker(pickle.Unpickler):
    def __init__(self, data: bytes, find_shared=None):
        super().__init__(io.BytesIO(data))
        self._find_shared = find_shared

    def persistent_load(self, name: str) -> object:
        return self._find_shared(name)


class Outcome:
    """What became of a task: a value or an exception, and the seconds that it took."""

    def __init__(self):
        self.value, self.error, self.seconds = None, None, 0.0

    def __enter__(self) -> "Outcome":
        self._started = time.perf_counter()
        return self

    def __exit__(self, kind, error, trace) -> bool:
        self.seconds, self.error = time.perf_counter() - self._started, error
        if error is not None:
            error.frames = frames_of(trace)
        return isinstance(error, Exception)

    def __getstate__(self) -> dict:
        return {name: getattr(self, name) for name in ("value", "error", "seconds")}


def carry_out(expected_versions: dict[str, str], payload: bytes, *shared: Packed | None) -> bytes:
    """The pickled Outcome of the task in the payload."""
    from threadpoolctl import threadpool_limits

    if expected_versions != versions():  # a worker that joined after check_versions
        return pickle.dumps(versions())
    with Outcome() as outcome, threadpool_limits(TRAINING_THREADS), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if None in shared:  # lost with all workers that had it, and no longer on the storage
            raise ClusterUnavailable
        others = {packed.name: packed for packed in shared}
        function, arguments = Unpacker(payload, lambda name: others[name].value(others)).load()
        check_function(function)
        outcome.value = function(*arguments)
    return pickle.dumps(outcome, protocol=pickle.HIGHEST_PROTOCOL)


def frames_of(trace) -> list[str]:
    """Places in the code without the message of the exception, which may quote a user's data."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]


def check_function(function) -> None:
    assert function.__module__.startswith(TASKS_MODULE) and function.__qualname__.isidentifier(), function
