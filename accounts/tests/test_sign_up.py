import pytest

pytestmark = pytest.mark.django_db

PASSWORD = "a long pass phrase 17"


def test_a_new_account_starts_with_the_welcome_grant(api):
    answer = api.post("/api/user/create", {"email": "Dora@Example.com", "pwd": PASSWORD})

    assert answer.status_code == 200, answer.content
    assert answer.json()["email"] == "dora@example.com"
