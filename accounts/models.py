import unicodedata
import uuid
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.encoding import punycode

from billing.fields import LedgerSumField


class UserQuerySet(models.QuerySet):
    def present(self):
        """Users who are still here: a removed user leaves an account without a name."""
        return self.filter(removed_at=None)

    def administrators(self):
        return self.present().filter(is_active=True, is_staff=True, is_superuser=True)

    def with_email(self, email):
        return self.present().filter(email=UserManager.normalize_email(email))


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):
    @classmethod
    def normalize_email(cls, email):
        """One spelling per mailbox: NFKC, lower case, and the domain in ASCII (IDNA), where mail is sent."""
        email = unicodedata.normalize("NFKC", email or "").strip().lower()
        local_part, at_sign, domain = email.rpartition("@")
        try:
            return f"{local_part}{at_sign}{punycode(domain)}".lower()
        except UnicodeError:
            return email  # not a domain, which validation refuses

    def get_by_natural_key(self, email):
        return self.get(email=self.normalize_email(email))

    def create_user(self, email, password=None, **fields):
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email, password=None, **fields):
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """Who you are: logs in with an e-mail address and owns a token balance.

    `token_balance` is the cached sum of the ledger entries and the lock in front of them; `tokens_spent` is
    the sum of charges less refunds. Only `billing` writes the two.
    """

    email = models.EmailField(
        "e-mail address", unique=True, error_messages={"unique": "This e-mail address is already taken."}
    )
    token_balance = LedgerSumField()
    tokens_spent = LedgerSumField()
    is_staff = models.BooleanField("staff", default=False)
    is_active = models.BooleanField("active", default=True)
    joined_at = models.DateTimeField(default=timezone.now, editable=False)
    removed_at = models.DateTimeField(null=True, blank=True, editable=False)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    objects = UserManager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(Lower("email"), name="user_email_unique_in_any_case"),
            models.CheckConstraint(
                condition=models.Q(token_balance__gte=0), name="user_balance_not_negative"
            ),
        ]

    def __str__(self):
        return self.email

    def clean(self):
        super().clean()
        self.email = type(self).objects.normalize_email(self.email)
        if not self.email.isascii():
            raise ValidationError({"email": "Enter a valid e-mail address."})

    @property
    def tokens_received(self) -> int:
        """Grants and corrections."""
        return self.token_balance + self.tokens_spent

    @property
    def is_administrator(self) -> bool:
        """May do everything. Staff alone may open the administration, and have no right by that."""
        return self.is_active and self.is_staff and self.is_superuser

    def has_email(self, email) -> bool:
        return self.email == type(self).objects.normalize_email(email)


class TokenFamily(models.Model):
    """The refresh tokens that descend from one sign-in: only the newest is good, none without its family."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="token_families"
    )
    newest = models.CharField(max_length=32, help_text="the id (jti) of the one refresh token that works")
    started_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name_plural = "token families"

    def __str__(self):
        return f"sign-in of {self.started_at:%Y-%m-%d %H:%M}"


class LimitWindow(models.Model):
    """How often one caller did one thing within a span of time; `limits.count` counts."""

    action = models.CharField(max_length=30)
    caller = models.CharField(max_length=64, help_text="keyed hash of an IP address or e-mail address")
    ends_at = models.DateTimeField(db_index=True)
    times = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["action", "caller", "ends_at"], name="limit_window_unique"),
        ]

    def __str__(self):
        return f"{self.action}: {self.times} until {self.ends_at:%H:%M}"


class ApiKeyQuerySet(models.QuerySet):
    def unrevoked(self):
        return self.filter(revoked_at=None)

    def open(self):
        """The keys that work, as long as the account of their owner is active."""
        return self.unrevoked().filter(models.Q(expires_at=None) | models.Q(expires_at__gt=timezone.now()))

    def ended_before(self, moment):
        return self.filter(models.Q(revoked_at__lt=moment) | models.Q(expires_at__lt=moment))

    def revoke(self) -> int:
        """Ends the keys at once, and returns how many were not revoked before."""
        return self.unrevoked().update(revoked_at=timezone.now())

    def note_use(self) -> None:
        """Stores the time, at most once a minute: otherwise every request would be a write."""
        now = timezone.now()
        used_lately = {"last_used_at__gt": now - ApiKey.USE_IS_WRITTEN_EVERY}
        self.exclude(**used_lately).update(last_used_at=now)


class ApiKey(models.Model):
    """What a script sends instead of a password. Of the key itself only a hash is kept.

    A key has 256 random bits, so its SHA-256 needs neither salt nor stretching.
    """

    class Scope(models.TextChoices):
        PREDICT = "predict", "Predict only"
        ALL = "all", "Everything"

    USE_IS_WRITTEN_EVERY = timedelta(minutes=1)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, help_text="how the key begins, to recognize it by")
    hash = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the key")
    scope = models.CharField(max_length=10, choices=Scope.choices)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "key"
        ordering = ["-created_at", "id"]

    def __str__(self):
        return f"{self.prefix}…"

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()
