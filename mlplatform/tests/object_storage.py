"""An S3 server in a process of its own, by moto, and a proxy in front of it that injects faults."""

import contextlib
import http.client
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from mlplatform.tests.postgresql import free_port
from mlplatform.tests.processes import until

PASSED_ON = ("content-type", "content-range", "etag", "last-modified", "content-disposition")


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Yields its address."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: accepts_connections(port), what="for the S3 server")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def accepts_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


class Bucket:
    """One that starts out empty, as the environment of a process names it and as a test looks into it."""

    def __init__(self, address: str):
        import boto3

        self.name = f"test-{uuid.uuid4().hex}"
        self.address = address
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        self.client = boto3.client("s3", endpoint_url=address, region_name="us-east-1", **keys)
        self.client.create_bucket(Bucket=self.name)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "STORAGE_URL": f"s3://{self.name}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_S3_ENDPOINT_URL": self.address,
            "AWS_S3_REGION_NAME": "us-east-1",
        }

    @property
    def options(self) -> dict:
        """Of the storage in the settings."""
        keys = {"access_key": "test", "secret_key": "test"}
        place = {"url": f"s3://{self.name}", "endpoint_url": self.address, "region_name": "us-east-1"}
        return {**place, **keys}

    def names(self, prefix: str = "") -> list[str]:
        found = self.client.list_objects_v2(Bucket=self.name, Prefix=prefix)
        return [entry["Key"] for entry in found.get("Contents", [])]

    def unfinished(self) -> list[str]:
        return [
            upload["Key"]
            for upload in self.client.list_multipart_uploads(Bucket=self.name).get("Uploads", [])
        ]

    def read(self, name: str) -> bytes:
        return self.client.get_object(Bucket=self.name, Key=name)["Body"].read()

    def write(self, name: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=name, Body=data)

    def delete(self, name: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=name)


class FaultyProxy(ThreadingHTTPServer):
    """Between us and the S3 server: `fault` is what happens to the next requests, and None to none.

    "refuse" answers 503, "cut" sends half of the answer, "slow" answers after `seconds`, "gone" hangs up.
    """

    daemon_threads = True

    def __init__(self, address: str):
        super().__init__(("127.0.0.1", 0), ProxyHandler)
        self.fault, self.seconds = None, 0.0
        self.methods = ("GET", "HEAD", "PUT", "POST", "DELETE")
        self.faults = 0
        self.upstream = address.removeprefix("http://")
        self.address = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()


class ProxyHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_one_request(self):
        with contextlib.suppress(ConnectionError):
            super().handle_one_request()

    def answer(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        fault = self.server.fault if self.command in self.server.methods else None
        self.server.faults += bool(fault)
        if fault == "gone":
            self.close_connection = True
            return
        if fault == "refuse":
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if fault == "slow":
            time.sleep(self.server.seconds)
        self.pass_on(body, is_cut=fault == "cut")

    def pass_on(self, body: bytes, *, is_cut: bool):
        connection = http.client.HTTPConnection(self.server.upstream, timeout=60)
        connection.request(self.command, self.path, body, dict(self.headers))
        response = connection.getresponse()
        data = response.read()
        connection.close()
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() in PASSED_ON:
                self.send_header(name, value)
        self.send_header("Content-Length", response.getheader("Content-Length", str(len(data))))
        self.end_headers()
        if is_cut:
            data, self.close_connection = data[: len(data) // 2], True
        self.wfile.write(data)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer

    def log_message(self, *arguments):
        """Nothing to the console."""
