"""Looking at processes, and waiting for what they do."""

import os
import signal
import time
from pathlib import Path

PATIENCE_SECONDS = 300  # only what never happens takes as long, however busy the machine is


def until(condition, seconds: float = PATIENCE_SECONDS, what: str = ""):
    """What the condition answers, once it is true. Fails when the time is up."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} s in vain {what}"
        time.sleep(0.05)
    return answer


def descendants(pid: int) -> list[int]:
    """The processes below this one, whoever started them."""
    children = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] != "Z":
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = list(children.get(pid, []))
    for child in found:
        found += children.get(child, [])
    return found


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def pause(pid: int) -> None:
    """Returns when all threads have stopped: one in the middle of a system call ends that first."""
    os.kill(pid, signal.SIGSTOP)
    until(lambda: all(state_of(thread) == "T" for thread in Path(f"/proc/{pid}/task").iterdir()))


def state_of(thread: Path) -> str:
    return (thread / "stat").read_text().rpartition(")")[2].split()[0]


def training_child_of(pid: int) -> int | None:
    """The process that trains for this worker: it made a session of its own."""
    return next((child for child in descendants(pid) if session_of(child) == child), None)


def session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def kill(process) -> None:
    """kill -9, and the proof that this is what ended it."""
    process.kill()
    assert process.wait(timeout=PATIENCE_SECONDS) == -signal.SIGKILL
