"""Load over HTTP from wrk, a program in C that takes little of the processor that the servers need."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from mlplatform.tests.processes import descendants

SCRIPT = Path(__file__).with_name("predict.lua")


@dataclass
class Caller:
    """Who sends a request: the path, and the token if there is one."""

    path: str
    token: str = ""


@dataclass
class Turns:
    """What wrk measured, a dictionary for each turn."""

    measured: list[dict] = field(default_factory=list)

    @property
    def answers(self) -> int:
        return sum(turn["answers"] for turn in self.measured)

    @property
    def rate(self) -> float:
        return self.answers / sum(turn["seconds"] for turn in self.measured)

    @property
    def cpu_ms(self) -> float:
        """Processor time of the servers per answer; unlike the rate it depends little on who else is busy."""
        return sum(turn["cpu_seconds"] for turn in self.measured) / self.answers * 1000

    @property
    def median_ms(self) -> float:
        return median(turn["median_ms"] for turn in self.measured)

    @property
    def p99_ms(self) -> float:
        return median(turn["p99_ms"] for turn in self.measured)


def send_load(
    port: int, callers: list[Caller], body: bytes, connections: int, seconds: float, has_key: bool = False
) -> dict:
    """One turn. Exits if anything but a 200 comes back."""
    if not shutil.which("wrk"):
        raise SystemExit("Install wrk, which sends the load: apt-get install wrk")
    with tempfile.TemporaryDirectory() as folder:
        lines, sent = Path(folder, "callers"), Path(folder, "body")
        lines.write_text("".join(f"{caller.path} {caller.token}\n" for caller in callers))
        sent.write_bytes(body)
        options = ["-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "30s"]
        arguments = [str(lines), str(sent), *([f"{uuid.uuid4()}-"] if has_key else [])]
        command = ["wrk", *options, "-s", str(SCRIPT), f"http://127.0.0.1:{port}", "--", *arguments]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    turn = json.loads(output.strip().rpartition("\n")[2])
    if turn["refused"] or turn["lost"]:
        raise SystemExit(f"Not every answer was a 200: {turn}")
    return turn


def cpu_seconds(*roots: int) -> float:
    """Processor time so far of these processes and those below them."""
    ticks = 0
    for pid in {*roots, *(below for root in roots for below in descendants(root))}:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def postmaster(port: int) -> int:
    """The process of the PostgreSQL server on this port."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if (
                words[0].endswith(b"postgres")
                and str(port).encode() in b" ".join(words).replace(b"=", b" ").split()
            ):
                return int(entry.name)
    raise LookupError(f"no PostgreSQL server on port {port}")
