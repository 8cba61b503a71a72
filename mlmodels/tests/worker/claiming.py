"""Processes that claim jobs and end them at once, some of which are killed in the middle of it.

    python -m mlmodels.tests.worker.claiming LOG PROCESSES KILLS

What a worker does with the queue, without training: each line of LOG is `uuid attempt owner`, written before
the job is ended. Ends when the queue is empty. Needs the environment of a worker.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import django

django.setup()

from mlmodels.models import KINDS  # noqa: E402
from mlmodels.operations import jobs  # noqa: E402

MILLISECONDS_OF_WORK = 3
JOBS_BETWEEN_KILLS = 20
RECOVERY_SECONDS = 0.5


def main(log: Path, processes: int, kills: int) -> None:
    """Prints how many processes were killed while they held a job or asked for one."""
    draw = random.Random(42)
    running = [start(log) for _ in range(processes)]
    for kill in range(1, kills + 1):
        while log.read_bytes().count(b"\n") < kill * JOBS_BETWEEN_KILLS:
            time.sleep(draw.uniform(0, 0.02))
        victim = running.pop(0)
        os.kill(victim, signal.SIGKILL)
        status = os.waitpid(victim, 0)[1]
        assert os.WIFSIGNALED(status), "the process ended before it could be killed: queue more jobs"
        running.append(start(log))
    for process in running:
        assert os.waitpid(process, 0)[1] == 0
    print(kills)


def start(log: Path) -> int:
    """Forked before this process has opened the database."""
    if process := os.fork():
        return process
    claim_until_empty(log)
    os._exit(0)


def claim_until_empty(log: Path) -> None:
    worker, recover_at = f"claimer {os.getpid()}", 0.0
    with open(log, "ab", buffering=0) as lines:
        while any(kind.objects.open().exists() for kind in KINDS):
            if time.monotonic() > recover_at:
                jobs.recover()
                recover_at = time.monotonic() + RECOVERY_SECONDS
            job = jobs.claim_next(worker=worker)
            if job is None:
                time.sleep(0.02)
                continue
            lines.write(f"{job.uuid} {job.attempt} {job.owner_id}\n".encode())
            time.sleep(random.random() * 2 * MILLISECONDS_OF_WORK / 1000)
            jobs.fail(job=job, error="", code="")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
