"""Loaded scorers, kept in memory up to a number of bytes."""

import threading
from collections import OrderedDict
from concurrent.futures import Future


class ScorerCache:
    """Keeps the most recently used, bounded by their own `nbytes`. Safe to share between threads.

    All callers that need the same key wait for one load.
    """

    def __init__(self, bytes_max: int):
        self.bytes_max = bytes_max
        self.nbytes = 0
        self._scorers = OrderedDict()
        self._loads = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._scorers)

    def __contains__(self, key) -> bool:
        return key in self._scorers

    def find(self, key):
        """The scorer of this key if it is in memory, else None."""
        with self._lock:
            return self._find(key)

    def _find(self, key):
        scorer = self._scorers.get(key)
        if scorer is not None:
            self._scorers.move_to_end(key)
        return scorer

    def get(self, key, load):
        """The scorer of this key, by `load()` if it is not in memory. A failed load is not remembered."""
        with self._lock:
            scorer = self._find(key)
            if scorer is not None:
                return scorer
            running = self._loads.get(key)
            if running is None:
                own = self._loads[key] = Future()
        if running is not None:
            return running.result()
        return self._load(key, load, own)

    def drop(self, key) -> None:
        """Removes this key. The result of a load in progress goes to its callers and is not kept."""
        with self._lock:
            self._loads.pop(key, None)
            self._remove(key)

    def _load(self, key, load, own: Future):
        try:
            scorer = load()
        except BaseException as problem:
            self._finish(key, own)
            own.set_exception(problem)
            raise
        self._finish(key, own, scorer)
        own.set_result(scorer)
        return scorer

    def _finish(self, key, own: Future, scorer=None) -> None:
        with self._lock:
            if self._loads.get(key) is not own:
                return  # dropped during the load, which may be out of date
            del self._loads[key]
            if scorer is not None and scorer.nbytes <= self.bytes_max:
                self._scorers[key] = scorer
                self.nbytes += scorer.nbytes
                self._evict()

    def _evict(self) -> None:
        while self.nbytes > self.bytes_max:
            self._remove(next(iter(self._scorers)))

    def _remove(self, key) -> None:
        scorer = self._scorers.pop(key, None)
        if scorer is not None:
            self.nbytes -= scorer.nbytes
