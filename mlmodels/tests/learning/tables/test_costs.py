"""What an upload may cost the process that looks at it."""

import random
import subprocess
import sys
import time

from mlmodels.learning import tables
from mlmodels.tests.learning.tables.files import inspect_bytes

INSPECT_IN_A_FRESH_PROCESS = """
import resource, sys, time
from mlmodels.learning import tables

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
started = time.process_time()
with open(sys.argv[1], "rb") as handle:
    summary = tables.inspect(handle)
seconds = time.process_time() - started
print(summary.row_count, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def inspect_in_a_fresh_process(path) -> tuple[int, float, int]:
    """Rows, seconds of computing, and by how much the memory has grown, in units of ru_maxrss."""
    finished = subprocess.run(
        [sys.executable, "-c", INSPECT_IN_A_FRESH_PROCESS, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    rows, seconds, grown = finished.stdout.split()
    return int(rows), float(seconds), int(grown)


def mixed_table(rows: int) -> str:
    source = random.Random(1)
    lines = ["id,price,pieces,sold_at,city,member,code,share,comment,target"]
    for n in range(rows):
        lines.append(
            f"{n},{source.gauss(100, 30):.4f},{source.randrange(50)},"
            f"2024-{n % 12 + 1:02d}-{n % 28 + 1:02d} 10:20:{n % 60:02d},city {n % 1000},"
            f"{'yes' if n % 3 else 'no'},{n % 10_000:05d},{n / 7:.6f},a remark about row {n},{n % 3}"
        )
    return "\n".join(lines)


def test_a_table_of_50_000_rows_and_10_columns_is_inspected_within_two_seconds_of_computing(tmp_path):
    path = tmp_path / "mixed.csv"
    path.write_text(mixed_table(50_000))

    rows, seconds, _ = inspect_in_a_fresh_process(path)

    assert rows == 50_000
    assert seconds < 2


def test_the_memory_of_an_inspection_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "large.csv"
    line = "{0},some words that are different in each row {0},{0}.5,city {1}\n"
    with path.open("w") as file:
        file.write("number,comment,size,city\n")
        for n in range(200_000):
            file.write(line.format(n, n % 1000))
    assert path.stat().st_size > 12_000_000

    rows, _, grown = inspect_in_a_fresh_process(path)

    assert rows == 200_000
    assert grown * resource_unit() < 60_000_000


def resource_unit() -> int:
    """Bytes in a unit of ru_maxrss: macOS counts bytes, Linux kilobytes."""
    return 1 if sys.platform == "darwin" else 1024


def test_a_plain_number_of_a_row_costs_less_than_a_microsecond():
    names = [f"c{n}" for n in range(20)]
    summary = inspect_bytes(
        ",".join(names) + "\n" + ",".join(["1.5"] * 20) + "\n" + ",".join(["2"] * 20) + "\n"
    )
    reader = tables.RowReader(summary.columns)
    row = dict.fromkeys(names, 2.5)

    best = min(_seconds(lambda: reader.read(row)) for _ in range(30))

    assert best / len(names) < 1e-6


def _seconds(action) -> float:
    started = time.perf_counter()
    for _ in range(50):
        action()
    return (time.perf_counter() - started) / 50
