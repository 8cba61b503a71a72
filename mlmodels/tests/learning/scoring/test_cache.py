"""The cache of loaded scorers: its bound, its order, and one load at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from mlmodels.learning.scoring import ScorerCache


class Loaded:
    """Stands for a scorer of so many bytes."""

    def __init__(self, nbytes: int = 10):
        self.nbytes = nbytes


def loading(nbytes: int = 10):
    return lambda: Loaded(nbytes)


def must_not_load():
    raise AssertionError("This was in the cache.")


class SlowLoad:
    """Has started, and goes on when it is told to."""

    def __init__(self, result=Loaded):
        self.started, self.go_on = threading.Event(), threading.Event()
        self.result = result
        self.calls = 0

    def __call__(self):
        self.calls += 1
        self.started.set()
        assert self.go_on.wait(10)
        return self.result()


def test_what_was_loaded_once_is_not_loaded_again():
    cache = ScorerCache(bytes_max=100)
    scorer = cache.get("a", loading())

    assert cache.get("a", must_not_load) is scorer


def test_the_cache_never_holds_more_bytes_than_allowed():
    cache = ScorerCache(bytes_max=100)

    for key in range(50):
        cache.get(key, loading(7 + key % 5))
        assert cache.nbytes <= 100

    assert len(cache) > 5


def test_the_least_recently_used_goes_first():
    cache = ScorerCache(bytes_max=30)
    for key in "abc":
        cache.get(key, loading())

    cache.get("a", must_not_load)
    cache.get("d", loading())

    assert [key for key in "abcd" if key in cache] == ["a", "c", "d"]


def test_what_is_found_counts_as_used_and_what_is_not_in_memory_is_not_loaded():
    cache = ScorerCache(bytes_max=30)
    for key in "abc":
        cache.get(key, loading())
    scorer = cache.find("a")

    cache.get("d", loading())

    assert cache.get("a", must_not_load) is scorer
    assert cache.find("b") is None


def test_a_key_that_is_being_loaded_is_not_waited_for():
    cache, load = ScorerCache(bytes_max=30), SlowLoad()
    with ThreadPoolExecutor(1) as pool:
        loading_one = pool.submit(cache.get, "a", load)
        assert load.started.wait(10)

        assert cache.find("a") is None

        load.go_on.set()
    assert cache.find("a") is loading_one.result()


def test_a_large_one_pushes_out_several():
    cache = ScorerCache(bytes_max=30)
    for key in "abc":
        cache.get(key, loading())

    cache.get("d", loading(20))

    assert [key for key in "abcd" if key in cache] == ["c", "d"]
    assert cache.nbytes == 30


def test_one_that_is_larger_than_the_cache_answers_and_pushes_out_nothing():
    cache = ScorerCache(bytes_max=30)
    cache.get("a", loading())

    scorer = cache.get("huge", loading(31))

    assert scorer.nbytes == 31
    assert "huge" not in cache
    assert "a" in cache


def test_a_smaller_bound_holds_from_the_next_load_on():
    cache = ScorerCache(bytes_max=30)
    for key in "abc":
        cache.get(key, loading())

    cache.bytes_max = 10
    cache.get("d", loading())

    assert [key for key in "abcd" if key in cache] == ["d"]


def test_what_is_dropped_is_loaded_again_and_its_bytes_are_free():
    cache = ScorerCache(bytes_max=30)
    first = cache.get("a", loading())

    cache.drop("a")

    assert cache.nbytes == 0
    assert cache.get("a", loading()) is not first


def test_dropping_what_is_not_there_is_no_mistake():
    cache = ScorerCache(bytes_max=30)

    cache.drop("a")

    assert len(cache) == 0


def test_many_threads_wait_for_one_load():
    cache = ScorerCache(bytes_max=100)
    slow_load = SlowLoad()

    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(cache.get, "a", slow_load) for _ in range(8)]
        assert slow_load.started.wait(10)
        slow_load.go_on.set()
        scorers = {answer.result(10) for answer in answers}

    assert len(scorers) == 1
    assert slow_load.calls == 1


def test_a_load_does_not_hold_up_other_keys():
    cache = ScorerCache(bytes_max=100)
    cache.get("here", loading())
    slow_load = SlowLoad()

    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(cache.get, "slow", slow_load)
        assert slow_load.started.wait(10)
        cache.get("here", must_not_load)
        cache.get("other", loading())
        slow_load.go_on.set()

        assert slow.result(10) is cache.get("slow", must_not_load)


def test_a_load_that_fails_fails_for_all_who_wait_and_is_tried_again():
    cache = ScorerCache(bytes_max=100)

    def fail():
        raise FileNotFoundError("model 7")

    failing_load = SlowLoad(fail)

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(cache.get, "a", failing_load)
        assert failing_load.started.wait(10)
        second = threads.submit(cache.get, "a", failing_load)
        failing_load.go_on.set()
        for waiting in (first, second):
            with pytest.raises(FileNotFoundError):
                waiting.result(10)

    assert cache.get("a", loading()).nbytes == 10


def test_a_load_that_was_dropped_meanwhile_answers_and_is_not_kept():
    """The model was deleted while somebody was loading it."""
    cache = ScorerCache(bytes_max=100)
    slow_load = SlowLoad()

    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(cache.get, "a", slow_load)
        assert slow_load.started.wait(10)
        cache.drop("a")
        slow_load.go_on.set()
        assert slow.result(10).nbytes == 10

    assert "a" not in cache
    assert cache.nbytes == 0


def test_a_key_dropped_and_loaded_anew_keeps_the_new_scorer():
    cache = ScorerCache(bytes_max=100)
    slow_load = SlowLoad(loading(20))

    with ThreadPoolExecutor(1) as threads:
        outdated = threads.submit(cache.get, "a", slow_load)
        assert slow_load.started.wait(10)
        cache.drop("a")
        new = cache.get("a", loading(10))
        slow_load.go_on.set()
        outdated.result(10)

    assert cache.get("a", must_not_load) is new
    assert cache.nbytes == 10


def test_many_threads_and_keys_keep_the_books_straight():
    cache = ScorerCache(bytes_max=60)

    def work(seed: int):
        for step in range(300):
            key = (seed * 7 + step * 3) % 11
            assert cache.get(key, loading(10 + key)).nbytes == 10 + key
            if step % 17 == 0:
                cache.drop(key)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(6)))

    assert cache.nbytes == sum(10 + key for key in range(11) if key in cache) <= 60
