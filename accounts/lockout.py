"""What django-axes counts by: the account together with the IP address."""

import math
from ipaddress import IPv6Address, ip_address, ip_network

from axes.models import AccessAttempt
from axes.utils import reset
from django.conf import settings
from django.db.models import Max
from django.utils import timezone

from accounts.models import User

IPV6_NETWORK_BITS = 64


def client_ip_address(request) -> str | None:
    """The IP address a request comes from, or None if it is unknown.

    Behind `PROXY_COUNT` proxies it is what the outermost of them wrote into X-Forwarded-For; a client can
    forge what stands before that. An IPv6 client has a whole network, so the network stands for it.
    """
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if settings.PROXY_COUNT else []
    seen = hops[-settings.PROXY_COUNT] if len(hops) >= settings.PROXY_COUNT > 0 else None
    return parse_ip_address(seen) or parse_ip_address(request.META.get("REMOTE_ADDR"))


def parse_ip_address(text: str | None) -> str | None:
    try:
        address = ip_address((text or "").strip())
    except ValueError:
        return None
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ip_network((int(address), IPV6_NETWORK_BITS), strict=False).network_address)


def client_username(request, credentials: dict | None) -> str:
    """The account of a log-in attempt. Forms name it `username`, the user model `email`."""
    credentials = credentials or {}
    return User.objects.normalize_email(credentials.get("username") or credentials.get("email"))


def seconds_left(request, email: str) -> int:
    username = User.objects.normalize_email(email)
    attempts = AccessAttempt.objects.filter(username=username, ip_address=client_ip_address(request))
    latest = attempts.aggregate(at=Max("attempt_time"))["at"]
    if latest is None:
        return 1
    return max(1, math.ceil((latest + settings.AXES_COOLOFF_TIME - timezone.now()).total_seconds()))


def forget_failures(user: User) -> None:
    """For a user who has proved their identity in another way, or is removed."""
    reset(username=user.email)
