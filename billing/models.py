import json
import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import RawSQL
from django.utils import timezone


class LedgerEntryQuerySet(models.QuerySet):
    def latest_first(self):
        return self.order_by("-seq")

    def besides_charges(self):
        """SQLite finds their index by its literal condition alone, and not by a parameter."""
        return self.filter(RawSQL("NOT (kind = 'charge')", [], output_field=models.BooleanField()))

    def of_kind(self, kind: str):
        found = self.filter(kind=kind)
        return found if kind == LedgerEntry.Kind.CHARGE else found.besides_charges()

    def last_seq(self) -> int:
        """The number of the newest entry of one account, which is the number of its entries."""
        return self.latest_first().values_list("seq", flat=True).first() or 0


class LedgerEntry(models.Model):
    """One movement of tokens. Rows are added, never changed or removed: a correction is a new entry."""

    class Kind(models.TextChoices):
        GRANT = "grant"
        CHARGE = "charge"
        REFUND = "refund"
        ADJUSTMENT = "adjustment"

    # Every charge writes every index but the last: id, account with seq, operation, reverses, reference.
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="ledger_entries", db_index=False
    )
    seq = models.PositiveBigIntegerField(help_text="1, 2, 3 … per account, without a gap")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    amount = models.BigIntegerField(help_text="tokens; negative when they leave the account")
    balance_after = models.BigIntegerField()
    reason = models.CharField(max_length=200)
    reference = models.CharField(max_length=100, blank=True, help_text='what it was for, such as "run:42"')
    operation = models.CharField(max_length=100, help_text="one logical operation, booked once")
    reverses = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="refund"
    )
    booked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = LedgerEntryQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "ledger entries"
        indexes = [
            models.Index(fields=["reference"], name="ledger_reference"),
            models.Index(
                fields=["account", "seq"], condition=~Q(kind="charge"), name="ledger_besides_charges"
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["account", "seq"], name="ledger_seq_unique_per_account"),
            models.UniqueConstraint(fields=["operation"], name="ledger_operation_booked_once"),
            models.CheckConstraint(condition=Q(seq__gte=1), name="ledger_seq_starts_at_one"),
            models.CheckConstraint(condition=Q(balance_after__gte=0), name="ledger_balance_not_negative"),
            models.CheckConstraint(
                condition=Q(kind="charge", amount__lt=0)
                | Q(kind__in=["grant", "refund"], amount__gt=0)
                | (Q(kind="adjustment") & ~Q(amount=0)),
                name="ledger_amount_has_the_sign_of_its_kind",
            ),
            models.CheckConstraint(
                condition=Q(kind="refund", reverses__isnull=False) | (~Q(kind="refund") & Q(reverses=None)),
                name="ledger_refund_reverses_a_charge",
            ),
        ]

    def __str__(self):
        return f"{self.kind} {self.amount:+d} ({self.operation})"

    def is_same_movement(self, other: "LedgerEntry") -> bool:
        return (self.account_id, self.kind, self.amount) == (other.account_id, other.kind, other.amount)


class IdempotencyKey(models.Model):
    """The stored answer to a request that may be sent again; pruned after a day.

    `status` is None until an answer is stored, as for an open training run.
    """

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="idempotency_keys", db_index=False
    )
    endpoint = models.CharField(max_length=200)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, path, user and body")
    reference = models.CharField(max_length=100, blank=True, help_text="what the request started")
    status = models.PositiveSmallIntegerField(null=True, help_text="HTTP status of the stored answer")
    # Text, not jsonb, which would come back with other key order and other numbers
    body = models.TextField(blank=True, help_text="the stored answer, JSON")
    created_at = models.DateTimeField(default=timezone.now, editable=False, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "endpoint", "key"], name="idempotency_key_unique_per_account"
            ),
        ]

    def __str__(self):
        return f"{self.endpoint} {self.key}"

    @property
    def is_answered(self) -> bool:
        return self.status is not None

    @property
    def answer(self):
        """The JSON value to send again; None until there is one."""
        return json.loads(self.body) if self.body else None

    @property
    def identifier(self) -> str:
        """The part of `reference` after its kind, such as "run:"."""
        return self.reference.partition(":")[2]


class TokenRequestQuerySet(models.QuerySet):
    def open(self):
        return self.filter(status=TokenRequest.Status.OPEN)

    def newest_first(self):
        return self.order_by("-created_at", "-pk")


class TokenRequest(models.Model):
    """A user asks the administrators for tokens; one of them grants or declines."""

    class Status(models.TextChoices):
        OPEN = "open"
        GRANTED = "granted"
        DECLINED = "declined"
        WITHDRAWN = "withdrawn"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="token_requests"
    )
    amount = models.PositiveBigIntegerField(help_text="tokens asked for")
    reason = models.CharField(max_length=500)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    amount_granted = models.PositiveBigIntegerField(null=True, blank=True)
    note = models.CharField(max_length=500, blank=True, help_text="what the administrator told the user")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = TokenRequestQuerySet.as_manager()

    class Meta:
        ordering = [F("ended_at").desc(nulls_first=True), "-created_at"]  # open ones first
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(status="open"), name="token_request_one_open_per_account"
            ),
            models.CheckConstraint(
                condition=Q(status="open", ended_at=None) | (~Q(status="open") & Q(ended_at__isnull=False)),
                name="token_request_ended_has_a_time",
            ),
            models.CheckConstraint(
                condition=Q(status="granted", amount_granted__gte=1)
                | (~Q(status="granted") & Q(amount_granted=None)),
                name="token_request_granted_has_an_amount",
            ),
        ]

    def __str__(self):
        return f"{self.amount:,} tokens for {self.account}"

    @property
    def reference(self) -> str:
        return f"token_request:{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.status == self.Status.OPEN


class ShopEvent(models.Model):
    """A grant that a shop sent, booked as `operation`: with the same id it must be the same event."""

    event_id = models.CharField(max_length=64, unique=True)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the body")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self):
        return self.event_id

    @property
    def operation(self) -> str:
        return f"shop:{self.event_id}"
