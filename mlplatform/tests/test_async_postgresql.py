"""The connection of coroutines to PostgreSQL."""

import asyncio
import socket

import pytest
from django.db import DataError, OperationalError, connection

from mlplatform.core import async_postgresql
from mlplatform.core.async_postgresql import AsyncConnection

pytestmark = [pytest.mark.postgresql_only, pytest.mark.django_db]


def run(work):
    """With a connection, which is closed in the end."""

    async def use():
        opened = await AsyncConnection.open()
        try:
            return await work(opened)
        finally:
            opened.close()

    return asyncio.run(use())


def test_it_runs_statements_and_returns_their_rows():
    async def work(opened):
        assert await opened.execute("SET application_name = 'coroutines'") == []
        return await opened.execute("SELECT %(text)s, current_setting('application_name')", {"text": "ü %"})

    assert run(work) == [("ü %", "coroutines")]


def test_a_long_answer_arrives_whole():
    async def work(opened):
        return await opened.execute("SELECT repeat('x', 5000000)")

    assert len(run(work)[0][0]) == 5_000_000


def test_the_loop_goes_on_while_the_server_works():
    async def work(opened):
        slow = asyncio.create_task(opened.execute("SELECT pg_sleep(0.2)"))
        turns = 0
        while not slow.done():
            await asyncio.sleep(0.01)
            turns += 1
        await slow
        return turns

    assert run(work) > 2


def test_an_error_is_one_of_django_and_the_connection_stays_usable():
    async def work(opened):
        with pytest.raises(DataError):
            await opened.execute("SELECT 1 / 0")
        assert not opened.is_closed
        assert opened.is_usable
        return await opened.execute("SELECT 2")

    assert run(work) == [(2,)]


def test_a_connection_that_the_server_has_closed_is_not_usable():
    async def work(opened):
        [(process,)] = await opened.execute("SELECT pg_backend_pid()")
        operator = await AsyncConnection.open()
        await operator.execute("SELECT pg_terminate_backend(%s, 5000)", [process])
        operator.close()
        assert not opened.is_usable
        with pytest.raises(OperationalError):
            await opened.execute("SELECT 1")
        assert opened.is_closed

    run(work)


def test_a_statement_that_takes_too_long_is_an_error_and_closes_the_connection(monkeypatch):
    monkeypatch.setattr(async_postgresql, "ANSWER_SECONDS", 1)

    async def work(opened):
        with pytest.raises(OperationalError, match="did not answer within 1 second"):
            await opened.execute("SELECT pg_sleep(2)")
        return opened.is_closed, opened.is_usable

    assert run(work) == (True, False)


def test_a_connection_whose_statement_was_cancelled_is_closed():
    async def work(opened):
        task = asyncio.create_task(opened.execute("SELECT pg_sleep(2)"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return opened.is_closed

    assert run(work)


def test_an_old_connection_is_not_usable(monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)

    async def work(opened):
        return opened.is_usable

    assert run(work) is False


def test_it_assumes_the_role_of_the_settings(monkeypatch):
    options = {**connection.settings_dict["OPTIONS"], "assume_role": "pg_monitor"}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)

    async def work(opened):
        return await opened.execute("SELECT current_user")

    assert run(work) == [("pg_monitor",)]


def test_a_server_that_is_not_there_is_an_error(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
    monkeypatch.setitem(connection.settings_dict, "PORT", port)

    with pytest.raises(OperationalError):
        asyncio.run(AsyncConnection.open())


def test_a_server_that_does_not_answer_is_an_error_in_the_time_of_the_settings(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        options = {**connection.settings_dict["OPTIONS"], "connect_timeout": 1}
        for name, value in [("HOST", "127.0.0.1"), ("PORT", silent.getsockname()[1]), ("OPTIONS", options)]:
            monkeypatch.setitem(connection.settings_dict, name, value)

        with pytest.raises(OperationalError, match="did not answer within 1 second"):
            asyncio.run(AsyncConnection.open())
