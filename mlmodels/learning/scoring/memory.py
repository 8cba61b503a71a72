"""How much memory a scorer takes."""

import pickle

# A dictionary of tuples takes about this much more in memory than in its pickled form.
PYTHON_BYTES_PER_PICKLED_BYTE = 4


def memory_bytes(thing) -> int:
    """About how many bytes `thing` keeps: its arrays exactly, and its other objects by their pickled size."""
    sink = _CountingSink()
    pickle.Pickler(sink, protocol=5, buffer_callback=sink.count_array).dump(thing)
    return sink.array_bytes + sink.other_bytes * PYTHON_BYTES_PER_PICKLED_BYTE


class _CountingSink:
    """A file that only counts, so that measuring a large forest does not copy it."""

    def __init__(self):
        self.array_bytes = 0
        self.other_bytes = 0

    def write(self, data) -> int:
        self.other_bytes += memoryview(data).nbytes
        return memoryview(data).nbytes

    def count_array(self, buffer: pickle.PickleBuffer) -> bool:
        self.array_bytes += buffer.raw().nbytes
        return False
