"""Runs the tests on SQLite and on PostgreSQL side by side, for `make test`; arguments go to each pytest.

Without arguments the tests of learning and those in a browser, which take half of the time, run beside the
others, so that two cores are busy to the end. The output of the last run is shown as it comes, that of the
others afterwards.
"""

import contextlib
import signal
import subprocess
import sys
import tempfile

APART = ("mlmodels/tests/learning", "mlplatform/tests/browser")


def runs_of(arguments: list[str]) -> list[tuple[str, list[str]]]:
    """Engine and arguments of each run."""
    if arguments:
        return [("postgresql", arguments), ("sqlite", arguments)]
    return [("postgresql", []), ("sqlite", list(APART)), ("sqlite", [f"--ignore={path}" for path in APART])]


def pytest(number: int, engine: str, arguments: list[str], output) -> subprocess.Popen:
    cache = f"cache_dir=.pytest_cache/{number}"
    command = [sys.executable, "-u", "-m", "pytest", "--engine", engine, "-o", cache, *arguments]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)


def main(arguments: list[str]) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    with contextlib.ExitStack() as files:
        wanted = runs_of(arguments)
        outputs = [files.enter_context(temporary_file()) for _ in wanted[1:]]
        runs = [
            pytest(n, *run, output)
            for n, (run, output) in enumerate(zip(wanted, [*outputs, None], strict=True))
        ]
        try:
            codes = [run.wait() for run in reversed(runs)]
        except KeyboardInterrupt:  # Ctrl-C reaches the pytests as well
            return 130
        finally:
            stop(runs)
            for output in reversed(outputs):
                output.seek(0)
                print(f"\n{output.read()}", flush=True)
    return max(map(abs, codes))


def temporary_file():
    return tempfile.TemporaryFile("w+", errors="replace")


def stop(runs: list[subprocess.Popen]):
    """By the signal of Ctrl-C, so that each pytest ends its servers and removes its folders."""
    for run in runs:
        if run.poll() is None:
            run.send_signal(signal.SIGINT)
    for run in runs:
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.wait(timeout=30)
        run.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
