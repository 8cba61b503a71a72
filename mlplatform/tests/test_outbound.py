"""Requests to addresses that users choose: never into our own network, and never without an end."""

import socket
import threading
import time
from contextlib import contextmanager

import pytest

from mlplatform.core import outbound
from mlplatform.core.outbound import Unreachable, UrlRefused, find_target, is_public, post

PRIVATE = [
    "127.0.0.1", "127.8.9.1", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254",  # what clouds tell their machines
    "100.64.0.1",  # CGNAT
    "0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "192.0.2.1",
    "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:0:1::1",
    "2001:db8::1",
]  # fmt: skip


GETADDRINFO = socket.getaddrinfo


class Names(dict):
    """What the resolver answers, as in `{"example.com": ["8.8.8.8"]}`, and what it was `asked`."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def getaddrinfo(self, host, port, *args, **kwargs):
        if host[0].isdigit():  # an address already
            return GETADDRINFO(host, port, *args, **kwargs)
        self.asked.append(host)
        if host not in self:
            raise socket.gaierror("unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in self[host]]


@pytest.fixture
def names(monkeypatch):
    known = Names()
    monkeypatch.setattr(outbound.socket, "getaddrinfo", known.getaddrinfo)
    return known


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused(address, names):
    names["hook.example.com"] = [address]

    assert not is_public(address)
    with pytest.raises(UrlRefused):
        find_target("https://hook.example.com/")


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:4700:4700::1111"])
def test_a_public_address_is_fine(address, names):
    names["hook.example.com"] = [address]

    target = find_target("https://hook.example.com/")

    assert (target.addresses, target.port) == ([address], 443)


def test_one_private_address_among_several_is_enough_to_refuse(names):
    names["hook.example.com"] = ["8.8.8.8", "10.0.0.7"]

    with pytest.raises(UrlRefused):
        find_target("https://hook.example.com/")


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://[::1]/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://localhost/",
    ],
)
def test_however_a_private_address_is_written_it_is_refused(url):
    """With the resolver of the system, which understands these spellings."""
    with pytest.raises(UrlRefused):
        find_target(url)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/", "file:///etc/passwd", "javascript:alert(1)", "gopher://example.com/",
        "//example.com/",
        "example.com", "", "https://", "http://user:secret@example.com/", "http://example.com:99999/",
        "http://example.com:22/", "http://example.com:6379/", "http://exa mple.com/",
        "http://example.com\r\nX-Header: 1/", "https://example.com/" + "x" * 500,
    ],
)  # fmt: skip
def test_only_ordinary_urls_are_taken(url, names):
    names["example.com"] = ["8.8.8.8"]

    with pytest.raises(UrlRefused):
        find_target(url)


def test_a_name_without_an_address_cannot_be_reached(names):
    with pytest.raises(Unreachable):
        find_target("https://nowhere.example.com/")


# Sending


@contextmanager
def receiver(answer):
    """A server for one connection that `answer(connection)` serves; yields its port and what it got."""
    got = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.settimeout(20)
                got.append(connection.recv(65_536))
                answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], got
        thread.join(timeout=20)


def send_to(port, names):
    names["hook.example.com"] = ["127.0.0.1"]
    target = find_target(f"http://hook.example.com:{port}/path?a=1", allow_private=True)
    return post(target, b"{}", {"webhook-id": "1"})


def test_the_request_goes_to_the_checked_address_with_the_name_of_the_url(names):
    """Resolved once: a name that changes its address after the check changes nothing."""
    with receiver(lambda connection: connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")) as (port, got):
        status = send_to(port, names)

    assert status == 204
    assert names.asked == ["hook.example.com"]
    head = got[0].decode()
    assert head.startswith("POST /path?a=1 HTTP/1.1\r\n")
    assert f"Host: hook.example.com:{port}\r\n" in head
    assert "webhook-id: 1\r\n" in head


def test_redirects_are_not_followed(names):
    answer = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"

    with receiver(lambda connection: connection.sendall(answer)) as (port, _):
        assert send_to(port, names) == 302

    assert names.asked == ["hook.example.com"]


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(outbound, "SECONDS_MAX", 0.5)


def drip(connection):
    """A response that never ends, and never pauses for long."""
    try:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
        for _ in range(100):
            time.sleep(0.05)
            connection.sendall(b"x")
    except OSError:
        return


@pytest.mark.parametrize("answer", [drip, lambda connection: time.sleep(1)], ids=["drips", "is silent"])
def test_a_receiver_that_takes_its_time_is_left(names, impatient, answer):
    started = time.monotonic()

    with receiver(answer) as (port, _), pytest.raises(Unreachable):
        send_to(port, names)

    assert time.monotonic() - started < 4


def test_a_response_without_end_is_not_read(names):
    def flood(connection):
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            for _ in range(1000):
                connection.sendall(b"x" * 65_536)
        except OSError:
            return

    with receiver(flood) as (port, _):
        assert send_to(port, names) == 200


@pytest.mark.parametrize("answer", [b"SSH-2.0-x\r\n", b"", b"HTTP/1.1 abc\r\n\r\n"])
def test_what_does_not_speak_http_is_unreachable(names, answer):
    with receiver(lambda connection: connection.sendall(answer)) as (port, _), pytest.raises(Unreachable):
        send_to(port, names)


def test_a_closed_port_is_unreachable(names):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    with pytest.raises(Unreachable, match="refused"):
        send_to(port, names)


def test_what_does_not_speak_tls_is_unreachable(names):
    names["hook.example.com"] = ["127.0.0.1"]

    with receiver(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")) as (port, _):
        target = find_target(f"https://hook.example.com:{port}/", allow_private=True)
        with pytest.raises(Unreachable):
            post(target, b"{}", {})


def test_a_name_that_no_certificate_can_have_is_unreachable(names):
    names[".example.com"] = ["127.0.0.1"]

    with socket.create_server(("127.0.0.1", 0)) as server:
        target = find_target(f"https://.example.com:{server.getsockname()[1]}/", allow_private=True)
        with pytest.raises(Unreachable):
            post(target, b"{}", {})
