"""HTTP requests to addresses that users choose: never into our own network.

A name is resolved once, every address that it has is checked, and the connection goes to a checked address,
so that a name cannot change its address in between. Redirects are not followed, and of the response only the
status is read.
"""

import ipaddress
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util import Url, parse_url

from mlplatform.core.errors import InvalidInput

CONNECT_SECONDS_MAX = 5
SECONDS_MAX = 10
URL_CHARACTERS_MAX = 500
DEFAULT_PORTS = {"http": 80, "https": 443}
PORTS = {80, 443, 8000, 8080, 8443}
ADDRESSES_TRIED_MAX = 3
TOO_SLOW = "No response in time."


class UrlRefused(InvalidInput):
    code = "url_refused"
    field = "url"


class Unreachable(Exception):
    """There was no response. The message is for the user."""


@dataclass(frozen=True)
class Target:
    """A URL that may be asked, and the addresses behind its name."""

    url: Url
    port: int
    addresses: list[str]


def find_target(text: str, *, allow_private: bool = False) -> Target:
    """Raises UrlRefused for a URL that must not be asked, and Unreachable if its name has no address."""
    url = parse(text)
    port = url.port or DEFAULT_PORTS[url.scheme]
    if port not in PORTS and not allow_private:
        raise UrlRefused(
            f"Port {port} is not open to webhooks. Use one of {', '.join(map(str, sorted(PORTS)))}."
        )
    addresses = resolve(url.host.strip("[]"), port)
    if not allow_private and not all(is_public(address) for address in addresses):
        raise UrlRefused("This address is not on the public internet.")
    return Target(url, port, addresses)


def parse(text: str) -> Url:
    try:
        url = parse_url(text)
    except HTTPError as error:
        raise UrlRefused("Enter a URL such as https://example.com/hook.") from error
    if url.scheme not in DEFAULT_PORTS or not url.host or len(text) > URL_CHARACTERS_MAX:
        raise UrlRefused("Enter a URL such as https://example.com/hook.")
    if url.auth:
        raise UrlRefused("The URL must not contain a user name or password.")
    return url


def resolve(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"There is no address for {host}.") from error
    return list(dict.fromkeys(address[0] for *_, address in found))


def is_public(text: str) -> bool:
    """False for private, loopback, link-local, shared (CGNAT), multicast, reserved and unspecified addresses,
    and for IPv6 addresses that stand for an IPv4 address.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    is_special = (
        address.is_multicast or address.is_reserved or address.is_link_local or address.is_unspecified
    )
    if address.version == 6 and (
        address.ipv4_mapped or address.sixtofour or address.teredo or address.is_site_local
    ):
        return False
    return address.is_global and not is_special


def post(target: Target, body: bytes, headers: dict[str, str]) -> int:
    """The status of the response. Raises Unreachable when there is none within SECONDS_MAX."""
    deadline = time.monotonic() + SECONDS_MAX
    error = None
    for address in target.addresses[:ADDRESSES_TRIED_MAX]:
        connection = connection_to(target, address)
        try:
            connection.connect()
        except (OSError, HTTPError, ValueError) as failed:  # ValueError: no name that a certificate can have
            connection.close()
            error = failed
            continue
        return _send(connection, target, body, headers, deadline)
    raise Unreachable(in_words(error)) from error


def connection_to(target: Target, address: str) -> HTTPConnection:
    """To this very address. The certificate must be that of the name in the URL."""
    if target.url.scheme == "http":
        return HTTPConnection(address, target.port, timeout=CONNECT_SECONDS_MAX)
    host = target.url.host.strip("[]")
    return HTTPSConnection(
        address, target.port, timeout=CONNECT_SECONDS_MAX, server_hostname=host, assert_hostname=host
    )


def _send(connection, target: Target, body: bytes, headers: dict[str, str], deadline: float) -> int:
    """A response that comes byte by byte would never time out: the watch ends the connection."""
    expired = threading.Event()
    watch = threading.Timer(max(0.1, deadline - time.monotonic()), _break_off, [connection.sock, expired])
    watch.start()
    connection.sock.settimeout(SECONDS_MAX)
    try:
        connection.request(
            "POST",
            target.url.request_uri,
            body=body,
            headers={"Host": target.url.netloc, **headers},
            preload_content=False,  # it would read whatever comes
        )
        status = connection.getresponse().status
    except (OSError, HTTPError, HTTPException, ValueError) as error:
        raise Unreachable(TOO_SLOW if expired.is_set() else in_words(error)) from error
    finally:
        watch.cancel()
        connection.close()
    if expired.is_set():
        raise Unreachable(TOO_SLOW)
    return status


def _break_off(sock: socket.socket, expired: threading.Event) -> None:
    expired.set()
    with suppress(OSError):  # it has ended by itself
        sock.shutdown(socket.SHUT_RDWR)


def in_words(error: Exception | None) -> str:
    """Without addresses of our network or messages of the library."""
    text = str(error).lower()
    if "certificate" in text:
        return "The certificate is not valid."
    if isinstance(error, TimeoutError) or "timed out" in text or "timeout" in text:
        return TOO_SLOW
    return "The connection was refused or broken off."
