"""Runs the tests on SQLite and on PostgreSQL side by side, for `make test`; arguments go to each pytest.

Without arguments they are run in PARTS, two more at a time than there are cores, since some tests wait for
processes. The output of a part is shown when the part has ended, and the last line of each at the end.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time

AT_ONCE = (os.cpu_count() or 1) + 2
LEARNING, BROWSER = "mlmodels/tests/learning", "mlplatform/tests/browser"
PROCESSES = ["mlmodels/tests/worker", "mlmodels/tests/storage"]
REST_OF_MODELS = ["mlmodels", *(f"--ignore={folder}" for folder in (LEARNING, *PROCESSES))]
REST = ["--ignore-glob=mlmodels/*", f"--ignore={BROWSER}"]

# Engine and arguments. First what takes longest by itself, last what takes little and never waits, so that no
# core is without work at the end. Nothing in LEARNING and BROWSER touches a database of the tests.
PARTS = [
    ("sqlite", [BROWSER]),
    ("sqlite", PROCESSES),
    ("postgresql", REST),
    ("sqlite", [LEARNING]),
    ("postgresql", PROCESSES),
    ("sqlite", REST),
    ("postgresql", REST_OF_MODELS),
    ("sqlite", REST_OF_MODELS),
]


class Run:
    """One pytest, whose output goes to a file."""

    def __init__(self, number: int, engine: str, arguments: list[str]):
        self.name = " ".join([engine, *arguments])
        self.output = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - read when it has ended
        cache = f"cache_dir=.pytest_cache/{number}"
        command = [sys.executable, "-u", "-m", "pytest", "--engine", engine, "-o", cache, *arguments]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output
        )
        print(f"{self.name} …", flush=True)

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def show(self) -> str:
        """Prints everything, and returns the last line."""
        self.output.seek(0)
        written = self.output.read().rstrip()
        print(f"\n{self.name}\n{written}\n", flush=True)
        return written.rpartition("\n")[2]


def main(arguments: list[str]) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    waiting = [(engine, arguments) for engine in ("postgresql", "sqlite")] if arguments else [*PARTS]
    started, running, endings = 0, [], {}
    try:
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                running.append(Run(started, *waiting.pop(0)))
                started += 1
            for run in [run for run in running if run.has_ended]:
                running.remove(run)
                endings[run] = run.show()
            time.sleep(0.1)
    except KeyboardInterrupt:  # Ctrl-C reaches the pytests as well
        return 130
    finally:
        stop(running)
        for run in running:
            endings[run] = run.show()
        print("\n".join(f"{run.name}: {ending}" for run, ending in endings.items()), flush=True)
    return max(abs(run.process.returncode) for run in endings)


def stop(runs: list[Run]):
    """By the signal of Ctrl-C, so that each pytest ends its servers and removes its folders."""
    for run in runs:
        if not run.has_ended:
            run.process.send_signal(signal.SIGINT)
    for run in runs:
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.process.wait(timeout=30)
        run.process.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
