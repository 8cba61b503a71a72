"""How good the product's models are for the time they take, beside AutoGluon, FLAML and mljar-supervised.

    python -m benchmarks.learning                              every table and system, then a Markdown table
    python -m benchmarks.learning --systems ours --in-process  ours alone, without Django, as for tuning

Tables and peers come from PyPI, each in an environment of its own below --folder. Every system reads the
same train.csv, has the same processor time on one core, answers the rows of test.csv, and is scored alike.
What a system answered is kept, and a peer with kept answers does not run again; ours does. The table is made
of all that is kept; what ours answers in process is shown and not kept.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy: one thread, in the peers as well

import argparse
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd

from benchmarks import ours
from benchmarks.environments import environment
from benchmarks.scores import Answers, Table, markdown, one_line, processor_seconds
from mlplatform.core.errors import DomainError

HERE = Path(__file__).parent
OURS = "ours"
PEERS = ("autogluon", "flaml", "mljar")
PEER_SECONDS_MAX = 1200  # on a busy machine, of the clock; the budget is in processor time


def main() -> None:
    options = parse_options()
    tables = find_tables(options.folder, options.tables)
    answered = []
    for table in tables:
        print(f"{table.name}: {table.what}", flush=True)
        answers = kept_answers(table, options)
        for system in options.systems:
            if system == OURS or system not in answers:
                answers |= run(system, table, options)
                print(one_line(table, system, answers), flush=True)
        answered.append((table, answers))
    print(markdown(answered, [OURS, *PEERS]))


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", nargs="+", default=[], metavar="NAME", help="default: all of them")
    parser.add_argument(
        "--systems",
        nargs="*",
        default=[*PEERS, OURS],
        choices=[*PEERS, OURS],
        help="which to run; with none named, only the table of kept answers is made",
    )
    parser.add_argument("--budget", type=int, default=60, metavar="SECONDS", help="for each table (60)")
    parser.add_argument("--in-process", action="store_true", help="ours without commands and database")
    parser.add_argument(
        "--folder", type=Path, default=Path("var/benchmark"), help="of tables, environments and answers"
    )
    return parser.parse_args()


def find_tables(folder: Path, names: list[str]) -> list[Table]:
    """Those named, or all, in the order of `public_tables.py`; written when they are not there."""
    python = environment(folder, "tables")
    subprocess.run([python, HERE / "public_tables.py", folder / "tables", *names], check=True)
    found = [Table.read(path.parent) for path in (folder / "tables").glob("*/table.json")]
    return sorted((table for table in found if not names or table.name in names), key=lambda t: t.order)


def run(system: str, table: Table, options: argparse.Namespace) -> dict[str, Answers]:
    """Empty where the system has failed."""
    if system == OURS and options.in_process:
        with suppress(DomainError):
            return {OURS: ours.in_process(table, options.budget)}
        return {}
    kept = kept_file(system, table, options)
    if system == OURS:
        kept.with_suffix(".json").unlink(missing_ok=True)
        with suppress(subprocess.CalledProcessError):  # the command has said why
            ours.by_commands(table, options.budget).keep(kept)
    else:
        run_peer(system, table, kept, options)
    return {system: Answers.read(kept)} if is_kept(kept) else {}


def run_peer(peer: str, table: Table, kept: Path, options: argparse.Namespace) -> None:
    """Keeps its answers unless it fails, and beside them all that it prints."""
    python = environment(options.folder, peer)
    kept.parent.mkdir(parents=True, exist_ok=True)
    started, used = time.monotonic(), processor_seconds()
    with tempfile.TemporaryDirectory() as folder, kept.with_suffix(".log").open("w") as log:
        out = Path(folder) / "answers.csv"
        command = [python, HERE / "peers" / f"with_{peer}.py", table.folder, out, str(options.budget)]
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(command, stdout=log, stderr=log, timeout=PEER_SECONDS_MAX)
        if out.exists():
            seconds = time.monotonic() - started, processor_seconds() - used
            Answers(pd.read_csv(out), *seconds).keep(kept)


def kept_file(system: str, table: Table, options: argparse.Namespace) -> Path:
    return options.folder / "answers" / table.name / f"{system}-{options.budget}.csv"


def kept_answers(table: Table, options: argparse.Namespace) -> dict[str, Answers]:
    files = {system: kept_file(system, table, options) for system in (OURS, *PEERS)}
    return {system: Answers.read(file) for system, file in files.items() if is_kept(file)}


def is_kept(file: Path) -> bool:
    return file.with_suffix(".json").exists()


if __name__ == "__main__":
    main()
