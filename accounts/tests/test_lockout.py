import pytest
from django.test import RequestFactory

from accounts.lockout import client_ip_address


def seen_from(remote="203.0.113.9", forwarded=None):
    headers = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded is not None else {}
    return client_ip_address(RequestFactory().get("/", REMOTE_ADDR=remote, **headers))


def test_without_proxies_nobody_writes_their_own_ip_address():
    assert seen_from(forwarded="192.0.2.1") == "203.0.113.9"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "ip_address"),
    [
        (1, "192.0.2.1", "192.0.2.1"),
        (1, "198.51.100.66, 192.0.2.1", "192.0.2.1"),
        (2, "198.51.100.66, 192.0.2.1, 10.0.0.1", "192.0.2.1"),
        (2, "192.0.2.1", "203.0.113.9"),
        (1, "", "203.0.113.9"),
        (1, None, "203.0.113.9"),
        (1, "unknown", "203.0.113.9"),
    ],
)
def test_behind_proxies_the_client_is_what_the_outermost_saw(settings, proxies, forwarded, ip_address):
    settings.PROXY_COUNT = proxies

    assert seen_from(forwarded=forwarded) == ip_address


def test_a_network_of_ipv6_is_one_client():
    assert seen_from("2001:db8:1:2:3:4:5:6") == seen_from("2001:db8:1:2::9") == "2001:db8:1:2::"
    assert seen_from("2001:db8:1:3::9") == "2001:db8:1:3::"


def test_ipv4_inside_ipv6_is_ipv4():
    assert seen_from("::ffff:192.0.2.1") == "192.0.2.1"


@pytest.mark.parametrize("remote", ["", "/run/web.sock", None])
def test_a_socket_has_no_ip_address(remote):
    assert seen_from(remote) is None
