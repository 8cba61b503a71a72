"""The start-up command of an installation that is not `make run`."""

import os
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from mlplatform.management.commands import prepare
from mlplatform.settings import BASE_DIR
from mlplatform.tests.processes import PATIENCE_SECONDS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def static_files(monkeypatch):
    monkeypatch.setattr(prepare, "collect_when_changed", lambda: None)


def test_the_administrator_of_the_environment_is_made_once(settings):
    settings.ADMIN_EMAIL, settings.ADMIN_PASSWORD = "root@example.com", "a long pass phrase"

    call_command("prepare")
    call_command("prepare")

    assert [user.email for user in User.objects.administrators()] == ["root@example.com"]


def test_a_bucket_is_tried_and_left_empty(bucket):
    call_command("prepare")

    assert bucket.names() == []


def test_a_bucket_that_is_not_there_stops_the_start_in_words(bucket):
    bucket.client.delete_bucket(Bucket=bucket.name)

    with pytest.raises(CommandError, match="STORAGE_URL: .*bucket does not exist"):
        call_command("prepare")


@pytest.mark.sqlite_only
def test_an_address_of_no_bucket_stops_the_start_in_words(tmp_path):
    ended = subprocess.run(
        [sys.executable, "manage.py", "prepare"],
        env={**os.environ, "DATA_DIR": str(tmp_path), "DATABASE_URL": "", "STORAGE_URL": "http://bucket"},
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 1
    assert ended.stderr == (
        "CommandError: STORAGE_URL must be s3://bucket or s3://bucket/folder, not http://bucket.\n"
    )


def test_an_address_that_is_none_stops_the_start_in_words(settings):
    settings.ADMIN_EMAIL, settings.ADMIN_PASSWORD = "nobody", "a long pass phrase"

    with pytest.raises(CommandError, match="^ADMIN_EMAIL: Enter a valid e-mail address"):
        call_command("prepare")

    assert not User.objects.exists()


def test_several_at_once_on_an_empty_database_wait_for_each_other(environment):
    environment |= {"ADMIN_EMAIL": "root@example.com", "ADMIN_PASSWORD": "a long pass phrase"}
    started = [
        subprocess.Popen(
            [sys.executable, "manage.py", "prepare"],
            env=environment,
            cwd=BASE_DIR,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(4)
    ]

    said = [process.communicate(timeout=PATIENCE_SECONDS)[0] for process in started]

    assert [process.returncode for process in started] == [0] * 4, "\n".join(said)
    assert sorted(said) == [""] * 3 + ["root@example.com is the administrator.\n"]
