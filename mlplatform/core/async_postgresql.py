"""A connection to PostgreSQL for coroutines; Django has none."""

import asyncio
import contextlib
import select
import time

import psycopg2
from django.db import OperationalError, connection
from psycopg2.extensions import POLL_OK, POLL_READ

from mlplatform.core.database_errors import code_of
from mlplatform.core.text import plural

CONNECT_SECONDS = 20  # unless the settings say otherwise
ANSWER_SECONDS = 30  # more than `lock_timeout` of the settings


class AsyncConnection:
    """As DATABASES describes it. It runs one statement at a time, each in a transaction of its own.

    Errors are Django's. `raw` is the driver's connection.
    """

    def __init__(self, raw):
        self.raw = raw
        self.opened_at = time.monotonic()
        # Django would make another wrapper of the connection for each request
        self.settings = connection.settings_dict
        self.errors_of_django = connection.wrap_database_errors

    @classmethod
    async def open(cls) -> "AsyncConnection":
        parameters = connection.get_connection_params()
        parameters.pop("cursor_factory", None)
        # libpq leaves the limit to those who connect like this
        seconds = int(parameters.get("connect_timeout", 0)) or CONNECT_SECONDS

        def start():
            return psycopg2.connect(**parameters, async_=True)

        with connection.wrap_database_errors:
            # In a thread, since the look-up of the host's name blocks
            starting = asyncio.get_running_loop().run_in_executor(None, start)
            async with answered_within(seconds):
                opened = cls(await starting)
        try:
            with opened.errors_of_django:
                async with answered_within(seconds):
                    await opened._completed()
            if role := opened.settings["OPTIONS"].get("assume_role"):
                await opened.execute("SELECT set_config('role', %s, false)", [role])
        except BaseException:
            opened.close()
            raise
        return opened

    async def execute(self, sql: str, values=None) -> list[tuple]:
        try:
            async with answered_within(ANSWER_SECONDS):
                with self.errors_of_django:
                    cursor = self.raw.cursor()
                    cursor.execute(sql, values)
                    await self._completed()
                    return cursor.fetchall() if cursor.description else []
        except BaseException as error:
            if code_of(error) is None:  # the statement may still be running, so no other can be sent
                self.close()
            raise

    async def _completed(self):
        while (state := self.raw.poll()) != POLL_OK:
            await self._is_ready(state)

    async def _is_ready(self, state: int):
        loop, number = asyncio.get_running_loop(), self.raw.fileno()
        ready = loop.create_future()
        add, remove = (
            (loop.add_reader, loop.remove_reader)
            if state == POLL_READ
            else (loop.add_writer, loop.remove_writer)
        )
        add(number, lambda: ready.done() or ready.set_result(None))
        try:
            await ready
        finally:
            remove(number)

    @property
    def is_usable(self) -> bool:
        """Without a query: a server that has closed the connection has sent at least an end of file."""
        max_age = self.settings["CONN_MAX_AGE"]
        is_old = max_age is not None and time.monotonic() - self.opened_at > max_age
        return not is_old and is_silent(self.raw)

    @property
    def is_closed(self) -> bool:
        return bool(self.raw.closed)

    def close(self):
        self.raw.close()


@contextlib.asynccontextmanager
async def answered_within(seconds: int):
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise OperationalError(f"The database did not answer within {plural(seconds, 'second')}.") from error


def is_silent(raw) -> bool:
    """Whether a connection of psycopg2 is open, and the server has sent nothing that was not asked for."""
    if raw.closed:
        return False
    poll = select.poll()
    poll.register(raw, select.POLLIN)
    return not poll.poll(0)
