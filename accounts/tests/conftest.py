"""Imports inside the fixtures: this file is read before the settings are."""

import pytest
from django.utils import timezone

PASSWORD = "correct horse battery"


@pytest.fixture
def guarded(settings, time_machine):
    """Limits and lock-outs as they are outside of tests, early in the hour in which they count."""
    settings.THROTTLING = settings.AXES_ENABLED = True
    time_machine.move_to(timezone.now().replace(minute=10))


@pytest.fixture
def log_in(db):
    """`log_in(alice)`: the tokens of a new sign-in, {"access", "refresh"}."""

    from rest_framework.test import APIClient

    def tokens_of(user, password=PASSWORD):
        answer = APIClient().post("/api/v1/token", {"email": user.email, "password": password})
        assert answer.status_code == 200, answer.content
        return answer.json()

    return tokens_of


@pytest.fixture
def bearer():
    """`bearer(access)`: a client with that token."""

    from rest_framework.test import APIClient

    def client_with(access):
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
        return client

    return client_with


@pytest.fixture
def make_key(bearer):
    """`make_key(alice, scope="predict")`: a client that sends a new key of Alice, its `text`."""

    from accounts.operations.keys import create_key

    def make(owner, name="nightly report", scope="all", expires_at=None):
        key, text = create_key(owner=owner, name=name, scope=scope, expires_at=expires_at)
        client = bearer(text)
        client.key, client.text = key, text
        return client

    return make
