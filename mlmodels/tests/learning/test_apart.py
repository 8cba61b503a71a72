"""Large files are looked at in a process of their own."""

import io
import os
import sys
import time

import pytest

from mlmodels.learning import apart, doctor, tables
from mlmodels.learning.apart import run_apart
from mlmodels.learning.tables import TableRefused

TABLE = "id,size,city\n" + "".join(f"{n},{n % 7}.5,city {n % 4}\n" for n in range(100))


@pytest.fixture
def table(tmp_path, monkeypatch):
    """An open file that counts as a large one."""
    monkeypatch.setattr(apart, "APART_BYTES_MIN", 1)
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    with path.open("rb") as file:
        yield file


def where_it_runs(file):
    return os.getpid(), "django" in sys.modules


def give_up(file):
    raise RuntimeError(file)


def test_a_large_file_is_looked_at_in_another_process_without_django(table):
    process, has_django = run_apart(where_it_runs, table)

    assert process != os.getpid()
    assert not has_django


def test_a_file_in_memory_and_a_small_one_are_not(table, monkeypatch):
    assert run_apart(where_it_runs, io.BytesIO(TABLE.encode()))[0] == os.getpid()

    monkeypatch.setattr(apart, "APART_BYTES_MIN", len(TABLE) + 1)
    assert run_apart(where_it_runs, table)[0] == os.getpid()


def test_what_is_found_is_the_same_and_the_file_is_left_where_it_was(table):
    table.seek(5)
    table.read(3)

    summary = run_apart(tables.inspect, table)
    examination = run_apart(doctor.change, table, summary.dialect, summary.columns, "size", {})

    assert table.read(4) == TABLE[8:12].encode()
    assert summary == tables.inspect(io.BytesIO(TABLE.encode()))
    assert examination == doctor.examine(table, summary.dialect, summary.columns, "size")


def test_a_refusal_keeps_its_words_and_its_place(table, tmp_path):
    (tmp_path / "ragged.csv").write_text(TABLE + "1,2\n")

    with (tmp_path / "ragged.csv").open("rb") as ragged, pytest.raises(TableRefused) as refusal:
        run_apart(tables.inspect, ragged)

    assert refusal.value.message.startswith("Row 102 has 2 cells")
    assert refusal.value.row == 102


def test_a_crash_is_not_taken_for_an_answer(table, capfd):
    with pytest.raises(Exception, match="non-zero exit status 1"):
        run_apart(give_up, table)

    assert "RuntimeError" in capfd.readouterr().err


def read_twice(file):
    """In small steps."""
    for _ in range(2):
        file.seek(0)
        while os.read(file.fileno(), 200):
            time.sleep(0.005)


def read_for_ever(file):
    while True:
        file.seek(0)
        os.read(file.fileno(), 10)


def test_how_much_was_read_is_told_in_all_passes_together(table, monkeypatch):
    monkeypatch.setattr(apart, "REPORT_SECONDS", 0.01)
    told = []

    run_apart(read_twice, table, on_read=told.append)

    assert told == sorted(told)
    assert len(TABLE) < told[-1] <= 2 * len(TABLE)


def test_what_the_listener_raises_ends_the_process(table, monkeypatch):
    monkeypatch.setattr(apart, "REPORT_SECONDS", 0.01)

    def stop(read):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_apart(read_for_ever, table, on_read=stop)
