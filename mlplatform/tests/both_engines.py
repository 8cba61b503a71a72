"""Runs the tests on SQLite and on PostgreSQL side by side, for `make test`; arguments go to both pytests.

SQLite's output is shown as it comes. PostgreSQL, which runs only what touches the database and so ends first,
writes to a file that is shown afterwards.
"""

import contextlib
import signal
import subprocess
import sys
import tempfile


def pytest(engine: str, arguments: list[str], output=None) -> subprocess.Popen:
    cache = f"cache_dir=.pytest_cache/{engine}"
    command = [sys.executable, "-u", "-m", "pytest", "--engine", engine, "-o", cache, *arguments]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)


def main(arguments: list[str]) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        runs = [pytest("postgresql", arguments, output), pytest("sqlite", arguments)]
        try:
            codes = [run.wait() for run in reversed(runs)]
        except KeyboardInterrupt:  # Ctrl-C reaches both pytests as well
            return 130
        finally:
            stop(runs)
            output.seek(0)
            print(f"\n{output.read()}", flush=True)
    return max(map(abs, codes))


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
