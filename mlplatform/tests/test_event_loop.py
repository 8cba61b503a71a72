"""Synchronous code on the event loop."""

import asyncio

import pytest

from mlplatform.core import event_loop
from mlplatform.core.event_loop import NeedsThread, wait_for
from mlplatform.core.origin import current_job


def on_loop(*functions):
    async def run():
        return await asyncio.gather(*map(event_loop.run, functions), return_exceptions=True)

    return asyncio.run(run())


def test_while_one_waits_the_others_go_on():
    steps = []

    def work(name):
        steps.append(f"{name} begins")
        steps.append(wait_for(asyncio.sleep(0.01, result=f"{name} ends")))
        return name

    assert on_loop(lambda: work("a"), lambda: work("b")) == ["a", "b"]
    assert steps == ["a begins", "b begins", "a ends", "b ends"]


def test_what_does_not_wait_is_returned_at_once():
    assert on_loop(lambda: 1) == [1]


def test_an_error_of_what_is_awaited_is_raised_where_it_is_awaited():
    async def fail():
        raise ValueError("lost")

    def work():
        try:
            wait_for(fail())
        except ValueError as error:
            return f"caught {error}"

    assert on_loop(work) == ["caught lost"]


def test_an_error_of_the_function_is_raised_by_run():
    [error] = on_loop(lambda: 1 / 0)

    assert isinstance(error, ZeroDivisionError)


def test_code_that_may_take_long_needs_a_thread_on_the_loop_only():
    event_loop.leave()

    [error] = on_loop(event_loop.leave)

    assert isinstance(error, NeedsThread)


def test_what_has_already_waited_is_not_called_again():
    """It may have committed something."""

    def work():
        wait_for(asyncio.sleep(0))
        event_loop.leave()

    [error] = on_loop(work)

    assert isinstance(error, RuntimeError)


def test_nor_is_what_has_waited_in_vain():
    """It may have committed something all the same."""

    async def lose_connection():
        raise ConnectionError

    def work():
        try:
            wait_for(lose_connection())
        except ConnectionError:
            event_loop.leave()

    [error] = on_loop(work)

    assert isinstance(error, RuntimeError)


def test_what_waited_only_to_hear_that_it_needs_a_thread_is_called_again():
    async def refuse():
        raise NeedsThread

    [error] = on_loop(lambda: wait_for(refuse()))

    assert isinstance(error, NeedsThread)


def test_each_has_its_own_context():
    def work(name):
        before = current_job.get()
        current_job.set(name)
        wait_for(asyncio.sleep(0.001))
        return before, current_job.get()

    assert on_loop(lambda: work("a"), lambda: work("b")) == [(None, "a"), (None, "b")]


def test_whether_a_loop_is_running_is_known():
    assert not event_loop.is_running()
    assert on_loop(event_loop.is_running) == [True]


def test_a_request_that_is_cancelled_ends_with_its_clean_up():
    ended = []

    def work():
        try:
            wait_for(asyncio.sleep(60))
        finally:
            ended.append(True)

    async def cancel():
        task = asyncio.create_task(event_loop.run(work))
        await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())

    assert ended == [True]
