"""Real processes: who dies comes back, and nobody outlives the parent, however it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlplatform.core.processes import BACK_OFF_SECONDS, Child, Supervisor, describe
from mlplatform.settings import BASE_DIR
from mlplatform.tests.processes import PATIENCE_SECONDS, is_alive, until

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that a parent died")

# Writes its process id, has a grandchild, and ends politely
WORK = """
import os, pathlib, subprocess, sys, time
wrapper = [sys.executable, "-m", "mlplatform.core.processes", str(os.getpid())]
helper = subprocess.Popen([*wrapper, "sleep", "600"])
pathlib.Path(sys.argv[1]).write_text(f"{os.getpid()} {helper.pid}")
time.sleep(600)
"""

# A parent that watches two children until it is told to end
PARENT = """
import signal, sys, time
from mlplatform.core.processes import Child, Supervisor
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
supervisor = Supervisor([Child(path, [sys.executable, "-c", sys.argv[1], path]) for path in sys.argv[2:]])
try:
    supervisor.start()
    while True:
        supervisor.watch()
        time.sleep(0.05)
finally:
    supervisor.stop()
"""


def process_ids(path: Path) -> list[int]:
    return [int(word) for word in path.read_text().split()] if path.exists() else []


@pytest.fixture
def files(tmp_path):
    return [tmp_path / "one", tmp_path / "two"]


@pytest.fixture
def parent(files):
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT, WORK, *map(str, files)],
        cwd=BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
    )
    until(lambda: all(len(process_ids(file)) == 2 for file in files))
    yield process
    process.kill()
    process.communicate()


def everybody(files) -> list[int]:
    return [pid for file in files for pid in process_ids(file)]


@on_linux
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGKILL"])
def test_nobody_outlives_the_parent(parent, files, name):
    pids = everybody(files)
    assert len(pids) == 4
    assert all(is_alive(pid) for pid in pids)

    parent.send_signal(getattr(signal, name))
    parent.wait(timeout=PATIENCE_SECONDS)

    until(lambda: not any(is_alive(pid) for pid in pids))


@on_linux
def test_a_killed_child_comes_back_and_its_own_children_are_gone(parent, files):
    child, grandchild = process_ids(files[0])
    untouched = process_ids(files[1])

    os.kill(child, signal.SIGKILL)

    new_child, new_grandchild = until(
        lambda: process_ids(files[0]) != [child, grandchild] and process_ids(files[0])
    )
    assert {new_child, new_grandchild}.isdisjoint({child, grandchild})
    assert is_alive(new_child)
    assert not is_alive(grandchild)
    assert process_ids(files[1]) == untouched


def test_the_pause_before_a_new_start_grows(monkeypatch):
    child = Child("broken", ["false"])
    child.start()
    child.process.wait()
    pauses = []

    for _ in range(8):
        child.process = child.process or finished()
        child.plan_restart()
        pauses.append(child.start_at - time.monotonic())

    assert pauses == pytest.approx([*BACK_OFF_SECONDS, 30, 30], abs=0.2)


def finished():
    process = subprocess.Popen(["true"], start_new_session=True)
    process.wait()
    return process


def test_who_lived_long_starts_over_with_a_short_pause():
    child = Child("steady", ["true"], process=finished(), restarts=5, started_at=time.monotonic() - 61)

    child.plan_restart()

    assert child.start_at - time.monotonic() == pytest.approx(BACK_OFF_SECONDS[0], abs=0.1)


def test_a_child_that_does_not_end_is_killed(tmp_path):
    ready = tmp_path / "ready"
    deaf = "import pathlib, signal, sys, time; signal.signal(15, signal.SIG_IGN); "
    deaf += "pathlib.Path(sys.argv[1]).touch(); time.sleep(600)"
    said = []
    child = Child("deaf", [sys.executable, "-c", deaf, str(ready)])
    supervisor = Supervisor([child], say=said.append, stop_seconds=0.3)
    supervisor.start()
    until(ready.exists)

    supervisor.stop()

    assert not is_alive(supervisor.children[0].process.pid)
    assert "is killed" in said[0]


def test_it_is_said_who_ended_and_how():
    said = []
    supervisor = Supervisor([Child("broken", ["false"])], say=said.append)
    supervisor.start()
    supervisor.children[0].process.wait()

    supervisor.watch()

    assert said == ["broken ended (exit code 1); it will be restarted"]
    assert describe(-9) == "SIGKILL"
    supervisor.stop()


@on_linux
def test_a_command_whose_parent_is_already_gone_does_not_start(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "mlplatform.core.processes", "1", "touch", str(tmp_path / "started")],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 1
    assert "is gone" in ended.stderr
    assert not (tmp_path / "started").exists()
