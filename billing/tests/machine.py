"""Random lives of two accounts, told to the ledger and to a dictionary: the two agree after every step."""

from itertools import count

from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from billing import idempotency, operations
from billing.idempotency import IdempotencyKeyReused, IdempotentRequest, RequestRepeated
from billing.models import IdempotencyKey, LedgerEntry
from billing.operations import ChargeNotFound, InsufficientTokens, OperationReused
from billing.purchases import Purchase, buy
from billing.verify import verify_ledger
from mlmodels.models import Prediction

STARTS = st.sampled_from([1, 4, 5, 6, 15])  # with 15 alone, `>` in the place of `>=` would go unnoticed
PRICES = st.sampled_from([1, 5])
ACCOUNTS = st.sampled_from(["alice", "bob"])
KEYS = st.sampled_from(["k1", "k2"])
BODIES = st.sampled_from([{"x": 1}, {"x": 2}])


class WorkFailed(Exception):
    pass


class LedgerMachine(RuleBasedStateMachine):
    entries_compared = 0  # by all machines

    def __init__(self):
        super().__init__()
        self.example = transaction.atomic()
        self.example.__enter__()
        self.users = {}
        self.amounts = {}  # by account, in order
        self.charges = {}  # by operation: account, amount, whether it was refunded
        self.answers = {}  # by account and key: body, answer
        self.rows = []  # what was bought: prices
        self.numbers = count(1)

    def teardown(self):
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)

    # What the dictionary says

    def balance(self, account):
        return sum(self.amounts[account])

    def next_operation(self):
        return f"work:{next(self.numbers)}:charge"

    # What happens

    @initialize(starts=st.tuples(STARTS, STARTS))
    def open_accounts(self, starts):
        for account, tokens in zip(["alice", "bob"], starts, strict=True):
            user = get_user_model().objects.create(email=f"{account}@machine.example")
            operations.grant(user=user, amount=tokens, reason="signup", operation=f"signup:{user.pk}")
            self.users[account] = user
            self.amounts[account] = [tokens]

    @rule(account=ACCOUNTS, price=PRICES)
    def charge(self, account, price):
        operation = self.next_operation()
        if self.balance(account) >= price:
            self.book_charge(account, price, operation)
            self.amounts[account].append(-price)
            self.charges[operation] = (account, price, False)
            return
        try:
            self.book_charge(account, price, operation)
        except InsufficientTokens as refusal:
            words = "1 token" if price == 1 else f"{price} tokens"
            assert str(refusal) == f"This costs {words} and you have {self.balance(account)}."
        else:
            raise AssertionError("charged more than there was")

    def book_charge(self, account, price, operation):
        return operations.charge(
            user=self.users[account], amount=price, reason="work", operation=operation, reference="work"
        )

    @rule(account=ACCOUNTS)
    def charge_nothing(self, account):
        assert self.book_charge(account, 0, self.next_operation()) is None

    @precondition(lambda self: self.charges)
    @rule(data=st.data())
    def charge_again(self, data):
        operation = data.draw(st.sampled_from(sorted(self.charges)))
        account, price, _ = self.charges[operation]
        assert self.book_charge(account, price, operation).operation == operation

    @precondition(lambda self: self.charges)
    @rule(data=st.data(), account=ACCOUNTS, price=PRICES)
    def charge_something_else_under_a_used_name(self, data, account, price):
        operation = data.draw(st.sampled_from(sorted(self.charges)))
        if self.charges[operation][:2] == (account, price):
            return
        try:
            self.book_charge(account, price, operation)
        except OperationReused:
            return
        raise AssertionError("one name for two charges")

    @precondition(lambda self: self.charges)
    @rule(data=st.data())
    def refund(self, data):
        operation = data.draw(st.sampled_from(sorted(self.charges)))
        account, price, is_refunded = self.charges[operation]
        operations.refund(operation_of_charge=operation, reason="did not work")
        if not is_refunded:
            self.amounts[account].append(price)
            self.charges[operation] = (account, price, True)

    @rule(account=ACCOUNTS)
    def refund_a_grant(self, account):
        try:
            operations.refund(operation_of_charge=f"signup:{self.users[account].pk}", reason="nice try")
        except ChargeNotFound:
            return
        raise AssertionError("a grant was refunded")

    @rule(account=ACCOUNTS, amount=st.integers(1, 7))
    def grant(self, account, amount):
        operations.grant(
            user=self.users[account], amount=amount, reason="card", operation=self.next_operation()
        )
        self.amounts[account].append(amount)

    @rule(account=ACCOUNTS, amount=st.integers(-7, 7).filter(bool))
    def adjust(self, account, amount):
        correction = {"amount": amount, "reason": "mistake", "operation": self.next_operation()}
        try:
            operations.adjust(user=self.users[account], by=self.users["bob"], **correction)
        except InsufficientTokens:
            assert self.balance(account) + amount < 0
        else:
            self.amounts[account].append(amount)

    @rule(account=ACCOUNTS, price=PRICES)
    def fail_after_the_charge(self, account, price):
        try:
            with transaction.atomic():
                self.book_charge(account, price, self.next_operation())
                raise WorkFailed
        except WorkFailed:
            assert self.balance(account) >= price
        except InsufficientTokens:
            assert self.balance(account) < price

    @rule(account=ACCOUNTS, key=KEYS, body=BODIES)
    def predict_with_a_key(self, account, key, body):
        user, known = self.users[account], self.answers.get((account, key))
        operation = self.next_operation()
        request = IdempotentRequest(
            endpoint="POST predict",
            key=key,
            fingerprint=idempotency.fingerprint(method="POST", path="/predict", user=user, body=body),
        )
        try:
            with transaction.atomic():
                idempotency.claim(user=user, request=request, body={"answer": operation})
                self.book_charge(account, 5, operation)
        except RequestRepeated as repeated:
            assert known == (body, repeated.earlier.answer)
        except IdempotencyKeyReused:
            assert known
            assert known[0] != body
        except InsufficientTokens:
            assert not known
            assert self.balance(account) < 5
        else:
            assert not known
            self.answers[account, key] = (body, {"answer": operation})
            self.amounts[account].append(-5)
            self.charges[operation] = (account, 5, False)

    @rule(
        account=ACCOUNTS, prices=st.lists(PRICES, min_size=1, max_size=3), key=st.none() | KEYS, body=BODIES
    )
    def buy(self, account, prices, key, body):
        user, known, number = self.users[account], self.answers.get((account, key)), next(self.numbers)
        rows = [Prediction(owner=user, output={"n": number}, cost_tokens=price) for price in prices]
        fingerprint = idempotency.fingerprint(method="POST", path="/buy", user=user, body=body)
        request = key and IdempotentRequest(endpoint="POST predict", key=key, fingerprint=fingerprint)
        try:
            buy(Purchase(user, rows, "work", idempotency=request, answer={"answer": number}))
        except RequestRepeated as repeated:
            assert known == ({"bought": body}, repeated.earlier.answer)
        except IdempotencyKeyReused:
            assert known
            assert known[0] != {"bought": body}
        except InsufficientTokens:
            assert not known
            assert self.balance(account) < sum(prices)
        else:
            assert not known
            self.amounts[account] += [-price for price in prices]
            self.charges |= {row.reference: (account, row.cost_tokens, False) for row in rows}
            self.rows += prices
            if key:
                self.answers[account, key] = ({"bought": body}, {"answer": number})

    @rule(
        statement=st.sampled_from(
            ["UPDATE billing_ledgerentry SET amount = 9", "DELETE FROM billing_ledgerentry"]
        )
    )
    def tamper(self, statement):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)
        except IntegrityError:
            return
        raise AssertionError("the ledger can be changed")

    # What holds after every step

    @invariant()
    def the_ledger_says_what_the_dictionary_says(self):
        for account, user in self.users.items():
            entries = LedgerEntry.objects.filter(account=user).order_by("seq")
            assert list(entries.values_list("amount", flat=True)) == self.amounts[account]
            LedgerMachine.entries_compared += len(self.amounts[account])
            user.refresh_from_db(fields=["token_balance"])
            assert user.token_balance == self.balance(account)
        assert IdempotencyKey.objects.count() == len(self.answers)
        assert sorted(Prediction.objects.values_list("cost_tokens", flat=True)) == sorted(self.rows)

    @invariant()
    def the_ledger_adds_up(self):
        assert verify_ledger() == []
