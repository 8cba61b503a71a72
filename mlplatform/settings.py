"""All settings, from environment variables (and `.env`) with defaults that run on a laptop.

README.md lists the variables. Those that connect the apps are in `hooks.py`.
"""

import os
import secrets
import sys
from datetime import timedelta
from pathlib import Path

from corsheaders.defaults import default_headers

from mlplatform import api_description, data_dir, logs
from mlplatform.environment import SQLITE, Environment, refuse
from mlplatform.hooks import (  # noqa: F401 - settings as well
    ACCOUNT_EXPORT_FILES,
    ACCOUNT_EXPORT_HOOKS,
    ACCOUNT_LIMITS,
    ACCOUNT_REMOVAL_HOOKS,
    ADMIN_LISTS_OF_A_USER,
    HOUSEKEEPING,
    LEDGER_REASONS_IN_WORDS,
    LEDGER_REFERENCE_MODELS,
    LEDGER_REFERENCE_ROUTES,
    LEDGER_VERIFICATIONS,
    PREDICT_KEY_URL_NAMES,
    TOKENS_IN_PROGRESS,
)

BASE_DIR = Path(__file__).resolve().parent.parent

env = Environment()
env.read_env(BASE_DIR / ".env")

# `manage.py COMMAND --help` needs no key and creates no folder
ASKS_FOR_HELP = not {"-h", "--help"}.isdisjoint(sys.argv) or sys.argv[1:2] == ["help"]

# Everything that is not code; new files are readable for this user only
DATA_DIR = Path(env("DATA_DIR", default=str(BASE_DIR / "var"))).resolve()
os.umask(0o077)
if not ASKS_FOR_HELP:
    data_dir.prepare(DATA_DIR)

DEBUG = env.bool("DEBUG", default=False)

# `make run` and developers get a generated key. In production, a missing key stops the start: a new one would
# end every session.
MAY_MAKE_A_KEY = DEBUG or sys.argv[1:2] == ["quickstart"]
SECRET_KEY = env("SECRET_KEY", default="") or (
    secrets.token_urlsafe(50) if ASKS_FOR_HELP else data_dir.secret_key(DATA_DIR, may_generate=MAY_MAKE_A_KEY)
)
# Former keys: accepted, but not used to sign
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])

# SERVED_OVER_HTTPS turns on what would lock users out of http://localhost
SERVED_OVER_HTTPS = env.bool("SERVED_OVER_HTTPS", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_HEADERS = [
    *default_headers,
    "idempotency-key",
    "if-match",
    "if-none-match",
    "prefer",
    "x-request-id",
]
CORS_EXPOSE_HEADERS = [
    "ETag", "Idempotency-Replayed", "Location", "Preference-Applied", "RateLimit-Limit",
    "RateLimit-Remaining", "RateLimit-Reset", "Retry-After", "X-Request-ID",
]  # fmt: skip

INSTALLED_APPS = [
    "mlplatform",
    "mlplatform.core",
    "accounts",
    "billing",
    "mlmodels",
    "django.contrib.admin.apps.SimpleAdminConfig",  # urls.py discovers: commands and workers need no admin
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",  # the templates of widgets, for FORM_RENDERER
    "corsheaders",
    "csp",
    "django_filters",
    "rest_framework",
    "rest_framework_simplejwt",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "axes",
]

# They set headers that are the same for all answers of the API
HEADER_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "mlplatform.middleware.ContentSecurityPolicyMiddleware",
    "mlplatform.middleware.NoStoreMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
MIDDLEWARE = [
    "mlplatform.logs.RequestLogMiddleware",
    "mlplatform.middleware.UsualHeadersMiddleware",
    "mlmodels.api.plain.PlainPredictionsMiddleware",  # most requests go no further
    *HEADER_MIDDLEWARE,
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "mlplatform.middleware.RateLimitMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "mlplatform.middleware.AnonymousBodyMiddleware",
    "mlplatform.core.formats.FormatsMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "mlplatform.middleware.LoginUnlessPublicMiddleware",  # private unless a view says otherwise
    "mlplatform.middleware.PageMessagesMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "mlplatform.error_responses.RefusalMiddleware",
]

# What Prometheus sends as Bearer to /metrics; without it nothing is counted
METRICS_KEY = env("METRICS_KEY", default="")
if METRICS_KEY:
    MIDDLEWARE.insert(0, "mlplatform.metrics.MetricsMiddleware")

ROOT_URLCONF = "mlplatform.urls"
CSRF_FAILURE_VIEW = "mlplatform.error_responses.csrf_failure"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.themes.theme",
            ],
        },
    },
]

FORM_RENDERER = "mlplatform.core.forms.PageRenderer"

# Database. Never ATOMIC_REQUESTS: a transaction is as short as the operation that owns it.
DATABASES = {"default": env.database("DATABASE_URL", default=str(DATA_DIR / "db.sqlite3"))}
if DATABASES["default"]["ENGINE"] == SQLITE:
    data_dir.make_private(DATABASES["default"]["NAME"])
    DATABASES["default"] |= {
        "ENGINE": "mlplatform.sqlite3",  # writers queue for a lock instead of sleeping and retrying
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA recursive_triggers=ON"
            ),
        },
    }
else:
    DATABASES["default"] |= {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
    DATABASES["default"]["OPTIONS"] = {
        # A request that waits for a locked row ends in an error, as on SQLite
        "options": "-c lock_timeout=20s",
        # So does one whose connection was dropped without a word, by a firewall or with its machine
        "connect_timeout": 20,
        "tcp_user_timeout": 20_000,
        "keepalives_idle": 20,
        "keepalives_interval": 10,
        "keepalives_count": 3,
    } | DATABASES["default"].get("OPTIONS", {})
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Accounts
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
SESSION_ENGINE = "accounts.sessions"
PASSWORD_RESET_TIMEOUT = 60 * 60
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "mlmodels:start"
LOGOUT_REDIRECT_URL = "mlmodels:start"
ADMIN_EMAIL = env("ADMIN_EMAIL", default="")
ADMIN_PASSWORD = env("ADMIN_PASSWORD", default="")

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"

# Files. `prepare` collects static files, with a hash of the contents in each name; before that, as in tests,
# they are served from where they are.
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_IS_COLLECTED = (DATA_DIR / "staticfiles.json").exists()
WHITENOISE_USE_FINDERS = not STATIC_IS_COLLECTED
MEDIA_ROOT = DATA_DIR / "files"
STORAGE_URL = env("STORAGE_URL", default="")  # django-storages reads the AWS_… variables itself
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "mlplatform.static_files.HashedStaticStorage"
            if STATIC_IS_COLLECTED or sys.argv[1:2] == ["collectstatic"]
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        ),
    },
}
if STORAGE_URL:
    STORAGES["default"] = {
        "BACKEND": "mlplatform.core.object_storage.ObjectStorage",
        "OPTIONS": {
            "url": STORAGE_URL,
            "endpoint_url": env("AWS_S3_ENDPOINT_URL", default=""),
            "public_url": env("STORAGE_PUBLIC_URL", default=""),
            "region_name": env("AWS_S3_REGION_NAME", default="") or None,
        },
    }
    MEDIA_ROOT = ""  # nothing is stored on the disk

# The price list, in tokens
INITIAL_TOKENS = env.int("INITIAL_TOKENS", default=15)
MONTHLY_TOKENS = env.int("MONTHLY_TOKENS", default=0)
TRAINING_TOKEN_COST = env.int("TRAINING_TOKEN_COST", default=1)
PREDICTION_TOKEN_COST = env.int("PREDICTION_TOKEN_COST", default=5)
BATCH_TOKEN_COST = env.int("BATCH_TOKEN_COST", default=5)  # of a file, per 1,000 rows, rounded up
# A shop: where users buy tokens, and the secret with which it signs its grants (none: it cannot grant)
TOKENS_URL = env("TOKENS_URL", default="")
TOKENS_WEBHOOK_SECRET = env("TOKENS_WEBHOOK_SECRET", default="")
# Limits
MAX_UPLOAD_MB = env.int("MAX_UPLOAD_MB", default=50, at_least=1)
# A larger table is inspected by a worker, and not within the request that uploads it
INSPECTED_AT_ONCE_MB = env.float("INSPECTED_AT_ONCE_MB", default=200)
AUTO_BUDGET_SECONDS = env.int("AUTO_BUDGET_SECONDS", default=60, at_least=1)
TRAINING_TIME_LIMIT_SECONDS = env.int("TRAINING_TIME_LIMIT_SECONDS", default=600, at_least=1)
TRAINING_MEMORY_LIMIT_MB = env.int("TRAINING_MEMORY_LIMIT_MB", default=4096, at_least=1)
# For all datasets of a user, and as much again for the user's batches with their answers
USER_FILES_MB = env.int("USER_FILES_MB", default=1_000)
# Of one user, queued or running
OPEN_RUNS_MAX = env.int("OPEN_RUNS_MAX", default=3)
OPEN_BATCHES_MAX = env.int("OPEN_BATCHES_MAX", default=3)
MODEL_CACHE_MB = env.int("MODEL_CACHE_MB", default=2_000)  # copies of model files from object storage
# Inputs and results of older predictions are erased; 0 keeps them
PREDICTIONS_KEPT_DAYS = env.int("PREDICTIONS_KEPT_DAYS", default=0)
JSON_BODY_BYTES_MAX = 1_000_000
JSON_DEPTH_MAX = 20
DATA_UPLOAD_MAX_MEMORY_SIZE = JSON_BODY_BYTES_MAX  # a request without its files
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000
DATA_UPLOAD_MAX_NUMBER_FILES = 1
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_TEMP_DIR = DATA_DIR / "work"  # on one disk with DATA_DIR/files, where an upload is moved
FILE_UPLOAD_HANDLERS = [
    "mlplatform.uploads.LimitedUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# Workers. One that sends no heartbeat for the length of a lease loses its training run.
RUN_LEASE_SECONDS = env.float("RUN_LEASE_SECONDS", default=60)
RUN_HEARTBEAT_SECONDS = env.float("RUN_HEARTBEAT_SECONDS", default=15)
if RUN_HEARTBEAT_SECONDS >= RUN_LEASE_SECONDS:
    refuse("RUN_HEARTBEAT_SECONDS", f"must be well below RUN_LEASE_SECONDS, which is {RUN_LEASE_SECONDS:g}")
# How long a worker that is told to stop goes on with its job before it hands it back
WORKER_DRAIN_SECONDS = env.float("WORKER_DRAIN_SECONDS", default=20)
TRAINING_NICENESS = env.int("TRAINING_NICENESS", default=10, at_most=19)  # so that the web server goes first
DASK_SCHEDULER = env("DASK_SCHEDULER", default="")
DASK_TLS_CA = env("DASK_TLS_CA", default="")  # files for tls://
DASK_TLS_CERT = env("DASK_TLS_CERT", default="")
DASK_TLS_KEY = env("DASK_TLS_KEY", default="")
# Off, since a user's webhook could otherwise reach what only this machine can
WEBHOOKS_TO_PRIVATE_ADDRESSES = env.bool("WEBHOOKS_TO_PRIVATE_ADDRESSES", default=False)

# The hour (UTC) from which on a worker does the daily HOUSEKEEPING
HOUSEKEEPING_HOUR = env.int("HOUSEKEEPING_HOUR", default=3, at_most=24)
# Where back-ups are kept, and how many; without a folder none is made
BACKUP_DIR = env("BACKUP_DIR", default="")
BACKUPS_KEPT = env.int("BACKUPS_KEPT", default=7, at_least=1)

# The JSON API
THROTTLING = env.bool("THROTTLING", default=True)
# How many proxies in front of the server add to X-Forwarded-For: HTTPS ends at one of them
PROXY_COUNT = env.int("PROXY_COUNT", default=1 if SERVED_OVER_HTTPS else 0)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["mlplatform.json_parser.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "mlplatform.json_parser.ContentNegotiation",
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "mlplatform.core.api.BrowsableAPIRenderer",
    ],
    "DEFAULT_SCHEMA_CLASS": "mlplatform.core.api_schema.Schema",
    "DEFAULT_FILTER_BACKENDS": [
        "mlplatform.core.api.FilterBackend",
        "mlplatform.core.api.StrictOrderingFilter",
    ],
    "DEFAULT_PAGINATION_CLASS": "mlplatform.core.api.Pages",
    "PAGE_SIZE": 50,
    "EXCEPTION_HANDLER": "mlplatform.error_responses.answer_in_json",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    # Paid calls are limited by their price, and by limits in the database
    "DEFAULT_THROTTLE_CLASSES": [
        "mlplatform.core.api.AnonRateThrottle",
        "mlplatform.core.api.ScopedRateThrottle",
    ],
    "NUM_PROXIES": PROXY_COUNT,
    "DEFAULT_THROTTLE_RATES": {
        "anon": "300/min" if THROTTLING else None,
        "training": "120/min" if THROTTLING else None,
    },
}
# Refresh tokens rotate within the family of their sign-in: accounts.api.tokens
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=env.int("JWT_EXP_MINUTES", default=60, at_least=1)),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
    "AUTH_TOKEN_CLASSES": ["accounts.api.tokens.AccessToken"],
    "CHECK_REVOKE_TOKEN": True,  # a new password ends the tokens of the old one
}
SPECTACULAR_SETTINGS = api_description.SETTINGS

# Password guessing. One account is locked for one IP address, for a while: accounts.lockout. Failures of an
# IP address over all accounts are limited by accounts.limits.
# A refusal of accounts.operations answers, like every other, so the middleware of axes has nothing to add.
AXES_ENABLED = THROTTLING
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "accounts.lockout.client_ip_address"
AXES_USERNAME_CALLABLE = "accounts.lockout.client_username"
AXES_SENSITIVE_PARAMETERS = ["username", "email", "ip_address", "pwd", "new_password", "token"]
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
SILENCED_SYSTEM_CHECKS = [
    "axes.W002",
    "security.W005",  # subdomains and preload in HSTS are the operator's choice
    "security.W021",
]

# E-mail: such as smtp+tls://user:password@host:587
vars().update(env.mail("EMAIL_URL", default="consolemail://"))
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="mlplatform@localhost")

# Security
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'"],
        "connect-src": ["'self'"],
        "font-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
SECURE_SSL_REDIRECT = SERVED_OVER_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SERVED_OVER_HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if SERVED_OVER_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("HSTS_INCLUDE_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = env.bool("HSTS_PRELOAD", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SERVED_OVER_HTTPS

# Logs: one JSON object per line; lines for people where `make run` prints to a terminal
LOG_FORMAT = env.choice("LOG_FORMAT", default="json", of=logs.FORMATTERS)
LOGGING = logs.configuration(LOG_FORMAT, sys.argv)
