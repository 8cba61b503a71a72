"""How long a large upload takes to be inspected and read, beside pandas, polars and pyarrow on the same file.

    python -m benchmarks.reading_tables

Prints a Markdown table. Every measurement is a process of its own on one core, the readers take turns, and
the file is in the cache of the system. Seconds are those of the processor, without the imports; the memory is
what the process takes at most beyond what it took after the imports. The peers get an environment of their
own.
"""

import argparse
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.environments import environment

ROWS = 415_000
DATES = ["booked_on", "checked_in_at"]
SENTENCE = "the room was clean and quiet but breakfast arrived late so we asked for a table near the window"


def main() -> None:
    options = parse_options()
    if options.measure:
        measure(options.measure, options.file)
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    table = options.folder / "bookings.csv"
    if not table.exists():
        write_table(table)
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in options.only}
    for _ in range(options.rounds):
        for name in options.only:
            results[name].append(in_a_process(python_of(name, options.folder), name, table))
    print(markdown(results, table))
    if options.only != [*READERS]:
        return
    print(f"\n{WAITS_HEADER}")
    for name in WAYS_TO_INSPECT:
        print(waits_of_others(name, table), flush=True)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare readers of CSV files.")
    parser.add_argument("--folder", type=Path, default=Path("var/benchmark"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=READERS, default=[*READERS], metavar="READER")
    parser.add_argument("--measure", choices=READERS, help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    return parser.parse_args()


def write_table(path: Path) -> None:
    """An identifier, a date, a moment, categories, numbers, some of them blank, codes, yes/no, free text."""
    draw, words = random.Random(7), SENTENCE.split()
    with path.open("w") as file:
        file.write("booking_id,booked_on,checked_in_at,city,channel,nights,price,score,discount,is_member,")
        file.write("postcode,comment,cancelled\n")
        for number in range(ROWS):
            comment = " ".join(draw.choices(words, k=draw.randrange(3, 9)))
            if draw.random() < 0.2:
                comment = '"' + comment.replace(" ", ", ", 1) + '"'
            day, hour = draw.randrange(1, 29), draw.randrange(24)
            file.write(
                f"B{number:07d},2024-{draw.randrange(1, 13):02d}-{day:02d},2025-0{day % 9 + 1}-{day:02d} "
                f"{hour:02d}:{draw.randrange(60):02d}:{draw.randrange(60):02d},City {draw.randrange(400)},"
                f"{draw.choice(['web', 'phone', 'agent', 'app'])},{draw.randrange(1, 15)},"
                f"{draw.gauss(120, 40):.2f},{draw.random():.6f},"
                f"{'' if draw.random() < 0.3 else draw.randrange(5) * 5},{draw.choice(['yes', 'no'])},"
                f"{draw.randrange(1000, 99999):05d},{comment},{draw.randrange(2)}\n"
            )


def python_of(name: str, folder: Path) -> str | Path:
    """Of the peers that we have not installed ourselves, that of their environment."""
    return sys.executable if name.startswith(("ours", "pandas")) else environment(folder, "readers")


def in_a_process(python: str | Path, name: str, table: Path) -> tuple[float, float]:
    command = [python, __file__, "--measure", name, "--file", str(table)]
    settings = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "POLARS_MAX_THREADS": "1"}
    done = subprocess.run(command, env=settings, capture_output=True, text=True, check=True)
    seconds, megabytes = done.stdout.split()
    return float(seconds), float(megabytes)


def measure(name: str, path: str) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    read = READERS[name]()
    before, started = peak_mb(), time.process_time()
    result = read(path)
    print(time.process_time() - started, peak_mb() - before)
    del result


def peak_mb() -> float:
    """Of this process. Not ru_maxrss, which starts with what the parent took."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def ours_inspect() -> Callable:
    import numpy  # noqa: F401 - where it is needed, it is imported once by a process

    from mlmodels.learning import tables

    def inspect(path: str):
        with open(path, "rb") as file:
            return tables.inspect(file)

    return inspect


def ours_by_rows() -> Callable:
    from mlmodels.learning.tables import rows

    rows.COLUMNAR_BYTES_MIN = 1 << 40
    return ours_inspect()


def ours_read() -> Callable:
    import pandas  # noqa: F401

    from mlmodels.learning import tables
    from mlmodels.learning.apart import run_apart

    with open(sys.argv[-1], "rb") as file:
        summary = run_apart(tables.inspect, file)  # whose memory does not count

    def read(path: str):
        with open(path, "rb") as file:
            return tables.read(file, summary.dialect, summary.columns)

    return read


def pandas_read() -> Callable:
    import pandas

    return lambda path: pandas.read_csv(path, parse_dates=DATES)


def pandas_describe() -> Callable:
    import pandas

    def describe(path: str):
        table = pandas.read_csv(path, parse_dates=DATES)
        return table.describe(include="all"), [table[name].value_counts() for name in table.columns]

    return describe


def polars_read() -> Callable:
    import polars

    return lambda path: polars.read_csv(path, try_parse_dates=True)


def pyarrow_read() -> Callable:
    import pyarrow
    from pyarrow import csv

    pyarrow.set_cpu_count(1)
    return lambda path: csv.read_csv(path, read_options=csv.ReadOptions(use_threads=False))


def csv_module() -> Callable:
    import csv

    def rows(path: str) -> int:
        with open(path, newline="") as file:
            return sum(1 for _ in csv.reader(file))

    return rows


READERS: dict[str, Callable[[], Callable]] = {
    "ours: inspect": ours_inspect,
    "ours: inspect, all rows by the csv module": ours_by_rows,
    "pandas: read_csv, describe, value_counts": pandas_describe,
    "ours: read": ours_read,
    "pandas: read_csv": pandas_read,
    "polars: read_csv": polars_read,
    "pyarrow: read_csv": pyarrow_read,
    "the csv module, rows thrown away": csv_module,
}


WAITS_HEADER = "| while a file is inspected | p50, ms | p99, ms | most, ms |\n| --- | ---: | ---: | ---: |"


def waits_of_others(name: str, table: Path) -> str:
    """How long a cheap request takes, a few queries and JSON, in another thread of the same process."""
    inspection = threading.Thread(target=WAYS_TO_INSPECT[name], args=(table,))
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE entries (number, text)")
    database.executemany("INSERT INTO entries VALUES (?, ?)", [(n, "x" * 50) for n in range(100)])
    seconds = []
    inspection.start()
    while inspection.is_alive():
        started = time.perf_counter()
        for _ in range(6):
            rows = database.execute("SELECT * FROM entries WHERE number < 40").fetchall()
        json.dumps(rows)
        seconds.append(time.perf_counter() - started)
        time.sleep(0.002)
    shares = statistics.quantiles(seconds, n=100)
    return f"| {name} | {shares[49] * 1e3:.2f} | {shares[98] * 1e3:.2f} | {max(seconds) * 1e3:.1f} |"


def inspect_here(table: Path) -> None:
    from mlmodels.learning import tables

    with table.open("rb") as file:
        tables.inspect(file)


def inspect_apart(table: Path) -> None:
    from mlmodels.learning import tables
    from mlmodels.learning.apart import run_apart

    with table.open("rb") as file:
        run_apart(tables.inspect, file)


WAYS_TO_INSPECT: dict[str, Callable[[Path], None]] = {
    "nothing is inspected": lambda table: time.sleep(3),
    "in a thread": inspect_here,
    "in a process of its own (ours)": inspect_apart,
}


def markdown(results: dict[str, list[tuple[float, float]]], table: Path) -> str:
    lines = [
        f"{table.stat().st_size / 1e6:.1f} MB, {ROWS:,} rows",
        "| reader | seconds | MB/s | MB of memory |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, measured in results.items():
        seconds = statistics.median(seconds for seconds, _ in measured)
        megabytes = statistics.median(megabytes for _, megabytes in measured)
        speed = table.stat().st_size / 1e6 / seconds
        lines.append(f"| {name} | {seconds:.2f} | {speed:.0f} | {megabytes:.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
