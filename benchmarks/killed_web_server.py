"""`kill -9` of the web processes under load, again and again, and the books checked at the end.

    python -m benchmarks.killed_web_server --kills 50 --engine postgresql

Careful clients repeat a request with its Idempotency-Key until it is answered, careless ones send it once.
Exits with 1 unless every answered prediction was charged once and stored, and the ledger adds up.
"""

import argparse
import contextlib
import http.client
import json
import os
import random
import signal
import tempfile
import threading
import time
import uuid
from pathlib import Path

from benchmarks.http_predict import BODY, PRICE, Caller, Service, database_urls, make_table
from mlplatform.tests.processes import descendants

PAUSE_SECONDS = 0.05
ANSWERS_BETWEEN_KILLS = 40
ANSWER_SECONDS_MAX = 120  # until so many have come
SERVING = "spawn_main"  # in the command line of the processes that serve, which multiprocessing spawns


class Client(threading.Thread):
    """Buys with one account until it is stopped; a careful one repeats what was not answered."""

    def __init__(self, port: int, caller: Caller, is_careful: bool):
        super().__init__(daemon=True)
        self.port, self.caller, self.is_careful = port, caller, is_careful
        self.is_stopped = False
        self.sent = self.answered = self.cut_off = 0

    def run(self):
        while not self.is_stopped:
            self.sent += 1
            key = {"Idempotency-Key": str(uuid.uuid4())} if self.is_careful else {}
            while not self.is_answered(key):
                time.sleep(PAUSE_SECONDS)
                if not self.is_careful:
                    break

    def is_answered(self, key: dict) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Authorization": f"Bearer {self.caller.token}", "Content-Type": "application/json", **key}
        with contextlib.closing(connection):
            try:
                connection.request("POST", self.caller.path, BODY, headers)
                response = connection.getresponse()
                body = json.loads(response.read())
            except (OSError, http.client.HTTPException, ValueError):
                self.cut_off += 1
                return False
        if response.status != 200:
            raise SystemExit(f"{response.status}: {body}")
        self.answered += 1
        return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--kills", type=int, default=50)
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="killed-web-server-")))
        [(engine, url)] = database_urls([arguments.engine], stack).items()
        service = stack.enter_context(Service.started(engine, url, folder / engine))
        callers = service.server("linear", make_table()).callers
        before = service.tokens()
        clients = [Client(service.port, caller, number % 2 == 0) for number, caller in enumerate(callers)]
        for client in clients:
            client.start()
        for _ in range(arguments.kills):
            wait_for_answers(clients)
            kill_serving_processes(service.processes[0])
        for client in clients:
            client.is_stopped = True
        for client in clients:
            client.join(timeout=120)
        check(service, clients, before)


def wait_for_answers(clients: list[Client]) -> None:
    """Until the server is well under way again, and then for a moment that no kill shares with another."""
    enough = answers_of(clients) + ANSWERS_BETWEEN_KILLS
    deadline = time.monotonic() + ANSWER_SECONDS_MAX
    while answers_of(clients) < enough:
        if time.monotonic() > deadline:
            raise SystemExit("The server has not come back.")
        time.sleep(PAUSE_SECONDS)
    time.sleep(random.random() * PAUSE_SECONDS)


def answers_of(clients: list[Client]) -> int:
    return sum(client.answered for client in clients)


def kill_serving_processes(root: int) -> None:
    for process in descendants(root):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            command = Path(f"/proc/{process}/cmdline").read_text()
            parent = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1]
            if SERVING in command and "mlplatform.web_server" in Path(f"/proc/{parent}/cmdline").read_text():
                os.kill(process, signal.SIGKILL)


def check(service: Service, clients: list[Client], before: int) -> None:
    charges = (before - service.tokens()) / PRICE
    answered = answers_of(clients)
    sent, cut_off = (sum(getattr(client, name) for client in clients) for name in ("sent", "cut_off"))
    careful = [client for client in clients if client.is_careful]
    print(f"{sent} requests, {answered} answered, {cut_off} attempts cut off, {charges:.0f} charges")
    if not cut_off or not answered <= charges <= sent or any(c.sent != c.answered for c in careful):
        raise SystemExit("Charges and answers differ.")
    service.verify_ledger()  # also: every prediction is charged once, and every charge has its prediction


if __name__ == "__main__":
    main()
