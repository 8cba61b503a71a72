"""A connection to PostgreSQL for coroutines; Django has none."""

import asyncio
import select
import time

import psycopg2
from django.db import OperationalError, connection
from psycopg2.extensions import POLL_OK, POLL_READ

from mlplatform.core.text import plural

CONNECT_SECONDS = 20  # unless the settings say otherwise


class AsyncConnection:
    """As DATABASES describes it. It runs one statement at a time, each in a transaction of its own.

    Errors are Django's. `raw` is the driver's connection.
    """

    def __init__(self, raw):
        self.raw = raw
        self.opened_at = time.monotonic()

    @classmethod
    async def open(cls) -> "AsyncConnection":
        parameters = connection.get_connection_params()
        parameters.pop("cursor_factory", None)
        seconds = int(parameters.get("connect_timeout", CONNECT_SECONDS))  # libpq leaves it to the caller

        def start():
            return psycopg2.connect(**parameters, async_=True)

        try:
            with connection.wrap_database_errors:
                async with asyncio.timeout(seconds):
                    # In a thread, since the look-up of the host's name blocks
                    opened = cls(await asyncio.get_running_loop().run_in_executor(None, start))
                    await opened._completed()
        except TimeoutError as error:
            raise OperationalError(
                f"The database did not answer within {plural(seconds, 'second')}."
            ) from error
        if role := connection.settings_dict["OPTIONS"].get("assume_role"):
            await opened.execute("SELECT set_config('role', %s, false)", [role])
        return opened

    async def execute(self, sql: str, values=None) -> list[tuple]:
        with connection.wrap_database_errors:
            cursor = self.raw.cursor()
            cursor.execute(sql, values)
            await self._completed()
            return cursor.fetchall() if cursor.description else []

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
        max_age = connection.settings_dict["CONN_MAX_AGE"]
        is_old = max_age is not None and time.monotonic() - self.opened_at > max_age
        return not is_old and is_silent(self.raw)

    @property
    def is_closed(self) -> bool:
        return bool(self.raw.closed)

    def close(self):
        self.raw.close()


def is_silent(raw) -> bool:
    """Whether a connection of psycopg2 is open, and the server has sent nothing that was not asked for."""
    if raw.closed:
        return False
    poll = select.poll()
    poll.register(raw, select.POLLIN)
    return not poll.poll(0)
