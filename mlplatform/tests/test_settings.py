"""The contract's environment variables, each in a process of its own as a start would read them."""

import json
import os
import socket
import stat
import subprocess
import sys

import pytest
from django.conf import settings as test_settings
from django.core.exceptions import ImproperlyConfigured

from mlplatform.core.object_storage import options_of
from mlplatform.settings import BASE_DIR
from mlplatform.tests.processes import PATIENCE_SECONDS

PRINT = """
import json, sys
from django.conf import settings
print(json.dumps({name: getattr(settings, name) for name in sys.argv[1:]}, default=str))
"""


def start(environment, *names):
    return subprocess.run(
        [sys.executable, "-c", PRINT, *names],
        env={"DJANGO_SETTINGS_MODULE": "mlplatform.settings", **environment},
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )


@pytest.fixture
def read(tmp_path):
    def read(*names, **environment):
        ended = start({"DATA_DIR": str(tmp_path), "SECRET_KEY": "x" * 50, **environment}, *names)
        assert ended.returncode == 0, ended.stderr
        values = json.loads(ended.stdout)
        return values[names[0]] if len(names) == 1 else values

    return read


def test_defaults_are_those_of_the_contract(read, tmp_path):
    values = read(
        "DEBUG", "INITIAL_TOKENS", "TRAINING_TOKEN_COST", "PREDICTION_TOKEN_COST", "MAX_UPLOAD_MB",
        "TRAINING_TIME_LIMIT_SECONDS", "TRAINING_MEMORY_LIMIT_MB", "THROTTLING", "CORS_ALLOWED_ORIGINS",
        "CSRF_TRUSTED_ORIGINS", "ADMIN_EMAIL", "DASK_SCHEDULER", "STORAGE_URL", "EMAIL_BACKEND",
    )  # fmt: skip

    assert values == {
        "DEBUG": False,
        "INITIAL_TOKENS": 15,
        "TRAINING_TOKEN_COST": 1,
        "PREDICTION_TOKEN_COST": 5,
        "MAX_UPLOAD_MB": 50,
        "TRAINING_TIME_LIMIT_SECONDS": 600,
        "TRAINING_MEMORY_LIMIT_MB": 4096,
        "THROTTLING": True,
        "CORS_ALLOWED_ORIGINS": [],
        "CSRF_TRUSTED_ORIGINS": [],
        "ADMIN_EMAIL": "",
        "DASK_SCHEDULER": "",
        "STORAGE_URL": "",
        "EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend",
    }


def test_everything_lives_in_the_data_folder(read, tmp_path):
    values = read("DATABASES", "MEDIA_ROOT", "STATIC_ROOT")

    assert values["DATABASES"]["default"]["NAME"] == str(tmp_path / "db.sqlite3")
    assert values["MEDIA_ROOT"].startswith(str(tmp_path))
    assert values["STATIC_ROOT"].startswith(str(tmp_path))


def test_prices_and_limits_come_from_the_environment(read):
    assert read("INITIAL_TOKENS", INITIAL_TOKENS="3") == 3
    assert read("MAX_UPLOAD_MB", MAX_UPLOAD_MB="7") == 7
    assert "0:15:00" in read("SIMPLE_JWT", JWT_EXP_MINUTES="15")["ACCESS_TOKEN_LIFETIME"]


def test_throttling_off_switches_off_every_limit_on_requests(read):
    values = read("REST_FRAMEWORK", "AXES_ENABLED", THROTTLING="off")

    assert set(values["REST_FRAMEWORK"]["DEFAULT_THROTTLE_RATES"].values()) == {None}
    assert values["AXES_ENABLED"] is False


def test_former_secret_keys_can_be_given(read):
    assert read("SECRET_KEY_FALLBACKS", SECRET_KEY_FALLBACKS="old,older") == ["old", "older"]
    assert read("SECRET_KEY_FALLBACKS") == []


def test_postgresql_gets_persistent_connections_with_health_checks(read):
    database = read("DATABASES", DATABASE_URL="postgres://app:secret@db:5432/app")["default"]

    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert database["CONN_MAX_AGE"] == 600
    assert database["CONN_HEALTH_CHECKS"] is True


def test_a_silent_postgresql_server_is_given_up_after_the_time_in_the_url(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgres://app:secret@127.0.0.1:{silent.getsockname()[1]}/app?connect_timeout=2"
        ended = subprocess.run(
            [sys.executable, "manage.py", "verify_ledger"],
            env={"DATA_DIR": str(tmp_path), "SECRET_KEY": "x" * 50, "DATABASE_URL": url},
            cwd=BASE_DIR,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )

    assert ended.returncode == 3
    assert "timeout expired" in ended.stderr


def test_mail_goes_where_its_address_says(read):
    values = read(
        "EMAIL_BACKEND", "EMAIL_HOST", "EMAIL_PORT", "EMAIL_USE_TLS", EMAIL_URL="smtp+tls://me:pw@mail:587"
    )

    assert values == {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": "mail",
        "EMAIL_PORT": 587,
        "EMAIL_USE_TLS": True,
    }


def test_files_go_to_object_storage_on_request(read):
    variables = {
        "STORAGE_URL": "s3://models/houses",
        "AWS_S3_ENDPOINT_URL": "http://storage:9000",
        "STORAGE_PUBLIC_URL": "https://files.example.com",
    }

    values = read("STORAGES", "MEDIA_ROOT", **variables)

    assert values["MEDIA_ROOT"] == ""
    assert values["STORAGES"]["default"] == {
        "BACKEND": "mlplatform.core.object_storage.ObjectStorage",
        "OPTIONS": {
            "url": "s3://models/houses",
            "endpoint_url": "http://storage:9000",
            "public_url": "https://files.example.com",
            "region_name": None,
        },
    }


@pytest.mark.parametrize("url", ["models", "https://s3.amazonaws.com/models", "s3://"])
def test_another_address_of_a_storage_is_refused_in_words(url):
    with pytest.raises(ImproperlyConfigured, match="s3://bucket or s3://bucket/folder, not"):
        options_of(url)


def test_https_turns_on_what_would_lock_out_a_plain_localhost(read):
    names = ("SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_HSTS_SECONDS")

    assert set(read(*names, SERVED_OVER_HTTPS="on").values()) == {True, 31_536_000}
    assert set(read(*names).values()) == {False}


def test_hsts_covers_subdomains_and_preload_lists_only_on_request(read):
    names = ("SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD")

    assert set(read(*names, SERVED_OVER_HTTPS="on").values()) == {False}
    assert set(read(*names, HSTS_INCLUDE_SUBDOMAINS="on", HSTS_PRELOAD="on").values()) == {True}


def test_the_data_folder_and_the_database_are_private_also_where_they_were_not(read, tmp_path):
    names = [f"db.sqlite3{suffix}" for suffix in ("", "-wal", "-shm", ".lock", ".lock.queue")]
    tmp_path.chmod(0o755)
    for name in names:
        (tmp_path / name).touch(0o644)

    read("DATA_DIR")

    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in names} == {0o600}


def test_a_new_database_is_private(tmp_path):
    environment = {
        **os.environ,
        "DATA_DIR": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{tmp_path}/new.sqlite3",
    }
    command = [sys.executable, "manage.py", "migrate", "accounts", "0001", "-v0"]
    subprocess.run(command, cwd=BASE_DIR, env=environment, check=True, umask=0o022)

    made = list(tmp_path.glob("new.sqlite3*"))
    assert made
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o600}


@pytest.mark.parametrize("command", ["predict", "quickstart", "verify_ledger"])
def test_help_works_without_a_key_and_makes_no_folder(tmp_path, command):
    ended = subprocess.run(
        [sys.executable, "manage.py", command, "--help"],
        cwd=BASE_DIR,
        env={"DATA_DIR": str(tmp_path / "var")},
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("usage:")
    assert not (tmp_path / "var").exists()


def test_a_production_start_without_a_key_stops_with_one_line(tmp_path):
    ended = start({"DATA_DIR": str(tmp_path)}, "DEBUG")

    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "SECRET_KEY is missing" in ended.stderr


@pytest.mark.parametrize(
    "given",
    [
        "INITIAL_TOKENS=many", "PREDICTION_TOKEN_COST=-5", "MAX_UPLOAD_MB=0", "RUN_LEASE_SECONDS=nan",
        "HOUSEKEEPING_HOUR=25", "BACKUPS_KEPT=0", "TRAINING_NICENESS=20", "THROTTLING=enabled",
        "SERVED_OVER_HTTPS=https", "LOG_FORMAT=xml", "EMAIL_URL=mail.example.com",
        "DATABASE_URL=mysql://app:secret@db/app", "DATABASE_URL=secret", "DATABASE_URL=postgress://app:secret@db/app",
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_used_stops_the_start_with_one_line_that_names_the_variable(tmp_path, given):
    name, _, value = given.partition("=")

    ended = start({"DATA_DIR": str(tmp_path), "SECRET_KEY": "x" * 50, name: value}, "DEBUG")

    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1), ended.stderr
    assert ended.stderr.startswith(f"{name} must be ")
    assert "secret" not in ended.stderr


@pytest.mark.parametrize(
    "given",
    [{"RUN_LEASE_SECONDS": "15"}, {"RUN_HEARTBEAT_SECONDS": "60"}, {"RUN_HEARTBEAT_SECONDS": "90"}],
    ids=str,
)
def test_a_heartbeat_that_comes_after_the_lease_stops_the_start_and_names_both_variables(tmp_path, given):
    ended = start({"DATA_DIR": str(tmp_path), "SECRET_KEY": "x" * 50, **given}, "DEBUG")

    assert ended.returncode == 1
    lease = given.get("RUN_LEASE_SECONDS", "60")
    assert ended.stderr == f"RUN_HEARTBEAT_SECONDS must be well below RUN_LEASE_SECONDS, which is {lease}.\n"


def test_a_data_folder_that_cannot_be_used_stops_the_start_with_one_line(tmp_path):
    (tmp_path / "file").touch()

    ended = start({"DATA_DIR": str(tmp_path / "file"), "SECRET_KEY": "x" * 50}, "DEBUG")

    assert ended.returncode == 1
    assert ended.stderr == f"DATA_DIR cannot be used: File exists: {tmp_path}/file\n"


def test_a_variable_that_is_set_to_nothing_has_its_default(read):
    nothing = {
        "INITIAL_TOKENS": "",
        "THROTTLING": "",
        "EMAIL_URL": "",
        "ALLOWED_HOSTS": "",
        "DATABASE_URL": "",
    }

    values = read("INITIAL_TOKENS", "THROTTLING", "EMAIL_BACKEND", "ALLOWED_HOSTS", "DATABASES", **nothing)

    assert values["INITIAL_TOKENS"] == 15
    assert values["THROTTLING"] is True
    assert values["EMAIL_BACKEND"] == "django.core.mail.backends.console.EmailBackend"
    assert values["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]"]
    assert values["DATABASES"]["default"]["NAME"].endswith("db.sqlite3")


def test_a_password_may_begin_with_a_dollar_sign(read):
    assert read("ADMIN_PASSWORD", ADMIN_PASSWORD="$ecret phrase") == "$ecret phrase"
    assert (
        read("ADMIN_PASSWORD", ADMIN_PASSWORD="$OTHER", OTHER="of another variable") == "of another variable"
    )


def test_the_data_folder_may_have_any_name(read, tmp_path):
    folder = tmp_path / "c++ 100%20#1?"

    assert read("DATABASES", DATA_DIR=str(folder))["default"]["NAME"] == f"{folder}/db.sqlite3"


def test_a_developer_with_debug_on_gets_a_key_that_stays(tmp_path):
    keys = [start({"DATA_DIR": str(tmp_path), "DEBUG": "on"}, "SECRET_KEY").stdout for _ in range(2)]

    assert keys[0] == keys[1]
    assert (tmp_path / "secret_key").read_text() in keys[0]


def test_no_request_is_wrapped_in_a_transaction():
    assert not test_settings.DATABASES["default"].get("ATOMIC_REQUESTS")
