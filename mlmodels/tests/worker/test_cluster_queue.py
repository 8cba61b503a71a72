"""Which task is sent to a Dask cluster next, and when."""

import pytest

from mlmodels.worker.cluster_queue import TaskQueue


class Task:
    def __init__(self, name, sent, rank):
        self.name, self.sent, self.rank = name, sent, rank

    def send(self, on_done):
        self.sent.append(self.name)
        self.end = lambda: on_done(None)


@pytest.fixture
def sent():
    return []


@pytest.fixture
def put(sent):
    """Puts tasks of these names into the queue, each with the number at its end as its rank."""

    def put(queue, names):
        tasks = [Task(name, sent, rank=int(name[1:] or 0)) for name in names.split()]
        for task in tasks:
            queue.put(task)
        return tasks

    return put


def test_as_many_tasks_are_sent_as_there_are_workers_and_the_next_when_one_has_ended(put, sent):
    first, second, *_ = put(TaskQueue(2), "a b c d")
    assert sent == ["a", "b"]

    second.end()
    assert sent == ["a", "b", "c"]

    first.end()
    assert sent == ["a", "b", "c", "d"]


def test_the_lowest_rank_goes_first_and_of_equal_ones_who_came_first(put, sent):
    first, *_ = tasks = put(TaskQueue(1), "a b2 c2 d1 e1")

    for task in (first, *tasks[3:], tasks[1]):
        task.end()

    assert sent == ["a", "d1", "e1", "b2", "c2"]


def test_the_rank_counts_that_a_task_has_when_a_worker_is_free(put, sent):
    first, _, last = put(TaskQueue(1), "a b1 c1")

    last.rank = 0
    first.end()

    assert sent == ["a", "c1"]


def test_what_is_removed_while_it_waits_is_never_sent_and_what_runs_keeps_its_worker(put, sent):
    queue = TaskQueue(1)
    first, second, _ = put(queue, "a b c")

    queue.remove(first)
    queue.remove(second)
    assert sent == ["a"]

    first.end()
    assert sent == ["a", "c"]


def test_workers_that_join_get_tasks_and_those_that_leave_get_no_more(put, sent):
    queue = TaskQueue(1)
    tasks = put(queue, "a b c d e")

    queue.resize(3)
    assert sent == ["a", "b", "c"]

    queue.resize(1)
    for task in tasks[:2]:
        task.end()
    assert sent == ["a", "b", "c"]

    tasks[2].end()
    assert sent == ["a", "b", "c", "d"]
