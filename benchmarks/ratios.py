"""The ratios that matter, in about three minutes, beside those of the last release.

    make bench                                      # needs wrk
    python -m benchmarks.ratios --keep 1.1.0        # writes them down as those of a release

Each is how many times as fast ours is as something else in the same run, so a busy machine moves them less
than it moves seconds. A ratio that has fallen by a quarter is marked: run the benchmark behind it alone then.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

KEPT = Path(__file__).with_name("ratios.json")
OURS_INSPECTS, OURS_READS = "ours: inspect", "ours: read"
PANDAS_INSPECTS, PANDAS_READS = "pandas: read_csv, describe, value_counts", "pandas: read_csv"
LOST = 0.75  # of the last release's ratio

Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Benchmark:
    command: list[str]
    ratios_of: Callable[[Rows], dict[str, float]]

    def measured(self) -> dict[str, float]:
        module, *arguments = self.command
        command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        return self.ratios_of(rows_of(done.stdout))


def single_rows(rows: Rows) -> dict[str, float]:
    return {f"single row, {row['algorithm']}, {row['task']}": number(row["ratio"]) for row in rows}


def whole_files(rows: Rows) -> dict[str, float]:
    return {f"whole file, {row['algorithm']}": number(row["ratio"]) for row in rows}


def paid_predictions(rows: Rows) -> dict[str, float]:
    ours = [row for row in rows if row[""].startswith("ours")]
    return {
        f"paid prediction, {row['connections']}, {row['']}": number(row["against the old way"])
        for row in ours
    }


def tables(rows: Rows) -> dict[str, float]:
    seconds = {row["reader"]: number(row["seconds"]) for row in rows}
    return {
        "47 MB inspected": seconds[PANDAS_INSPECTS] / seconds[OURS_INSPECTS],
        "47 MB read": seconds[PANDAS_READS] / seconds[OURS_READS],
    }


BENCHMARKS = [
    Benchmark(["single_row", "--algorithms", "linear", "gradient_boosting", "random_forest"], single_rows),
    Benchmark(["batch", "--rows", "30000", "--algorithms", "linear", "gradient_boosting"], whole_files),
    Benchmark(["http_predict", "--only", "8x8", "8x1", "--seconds", "4", "--rounds", "2"], paid_predictions),
    Benchmark(
        [
            "reading_tables",
            "--rounds",
            "1",
            "--only",
            OURS_INSPECTS,
            OURS_READS,
            PANDAS_INSPECTS,
            PANDAS_READS,
        ],
        tables,
    ),
]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the ratios that matter.")
    parser.add_argument("--keep", metavar="RELEASE", help="write them down as those of this release")
    options = parser.parse_args()
    kept = json.loads(KEPT.read_text())
    print(f"| times as fast | now | {kept['release']} | |\n| --- | ---: | ---: | --- |", flush=True)
    ratios = {}
    for benchmark in BENCHMARKS:
        measured = benchmark.measured()
        for name, ratio in measured.items():
            print(line(name, ratio, kept["ratios"].get(name)), flush=True)
        ratios |= measured
    if options.keep:
        rounded = {name: round(ratio, 2) for name, ratio in ratios.items()}
        KEPT.write_text(json.dumps({"release": options.keep, "ratios": rounded}, indent=2) + "\n")


def line(name: str, ratio: float, before: float | None) -> str:
    if before is None:
        return f"| {name} | {ratio:.1f} | | new |"
    mark = "slower" if ratio < LOST * before else ""
    return f"| {name} | {ratio:.1f} | {before:.1f} | {mark} |"


def rows_of(markdown: str) -> Rows:
    """The first table of a benchmark's output."""
    lines = [text for text in markdown.splitlines() if text.startswith("|")]
    names, _, *rows = ([cell.strip() for cell in text.strip("|").split("|")] for text in lines)
    return [dict(zip(names, row, strict=True)) for row in rows if len(row) == len(names)]


def number(text: str) -> float:
    return float(text.replace(",", ""))


if __name__ == "__main__":
    main()
