import pytest


@pytest.fixture(autouse=True)
def only_the_ledger_is_verified(settings):
    """What a charge was for is the business of other apps; their own tests ask that."""
    settings.LEDGER_VERIFICATIONS = []


@pytest.fixture
def books():
    """`books(alice)`: the balance and the signed amounts, after the ledger was found right."""
    from billing.models import LedgerEntry  # models can be imported when the settings are read, not before
    from billing.verify import verify_ledger

    def read(user):
        assert verify_ledger() == []
        user.refresh_from_db()
        amounts = LedgerEntry.objects.filter(account=user).order_by("seq").values_list("amount", flat=True)
        return user.token_balance, list(amounts)

    return read
