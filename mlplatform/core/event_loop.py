"""Synchronous code on the event loop: while it waits, the loop goes on with other requests.

It runs in a greenlet. That is for short requests that read nothing from the database and wait once, for their
commit: a thread for each takes longer to wake up, and to get the interpreter's lock, than the request itself.
All other requests need a thread.
"""

import asyncio
from collections.abc import Awaitable, Callable

from greenlet import getcurrent, greenlet


class NeedsThread(BaseException):
    """Nothing has been done yet, and the rest would hold up the event loop: call it again in a thread.

    Not an Exception, which Django would turn into a response.
    """


async def run(function: Callable, *args):
    """What the function returns. Raises NeedsThread if it has to be called in a thread instead."""
    running = greenlet(function)
    awaited = running.switch(*args)
    while not running.dead:
        try:
            result = await awaited
        except NeedsThread as error:
            awaited = running.throw(error)
        except BaseException as error:
            awaited = _resume(running.throw, error)
        else:
            awaited = _resume(running.switch, result)
    return awaited


def _resume(resume: Callable, outcome):
    try:
        return resume(outcome)
    except NeedsThread as error:
        raise RuntimeError("To call it again would do twice what it has waited for.") from error


def wait_for(awaitable: Awaitable):
    """The result of the awaitable, for a function that `run` has called."""
    return getcurrent().parent.switch(awaitable)


def is_running() -> bool:
    """Whether this thread runs an event loop, which nothing may hold up."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def leave():
    """For code that may take long: from here on, it needs a thread."""
    if is_running():
        raise NeedsThread
