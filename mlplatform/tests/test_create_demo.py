import io
import os
import stat
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError

from accounts.models import User
from accounts.operations import passwords
from billing.verify import verify_ledger
from mlplatform.management.commands import create_demo as command

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def password_file(settings, tmp_path, monkeypatch) -> Path:
    """Where the password goes; the demo is trained with an algorithm that is quick."""
    monkeypatch.setattr(command, "ALGORITHM", "decision_tree")
    settings.DATA_DIR = tmp_path
    return tmp_path / "demo_password"


def create_demo():
    call_command("create_demo", stdout=io.StringIO())
    return User.objects.get(email="demo@example.com")


def test_the_demo_has_a_sample_a_model_and_a_password_of_its_own(password_file):
    demo = create_demo()

    assert demo.check_password(password_file.read_text().strip())
    assert stat.S_IMODE(password_file.stat().st_mode) == 0o600
    assert demo.datasets.get().sample == "iris"
    assert demo.trained_models.get().name == f"{demo.pk}_iris"
    assert demo.token_balance == 14
    assert verify_ledger() == []


def test_made_again_nothing_changes_and_nothing_is_charged(password_file):
    create_demo()
    password = password_file.read_text()

    demo = create_demo()

    assert password_file.read_text() == password
    assert demo.trained_models.count() == demo.datasets.count() == 1
    assert demo.token_balance == 14


@pytest.mark.parametrize(
    "broken", ["users.register", "datasets.add_sample", "training.start_training", "follow"]
)
def test_stopped_half_way_it_goes_on_where_it_was(password_file, monkeypatch, broken):
    class Killed(BaseException):
        pass

    def die(*args, **kwargs):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(f"mlplatform.management.commands.create_demo.{broken}", die)
        with pytest.raises(Killed):
            create_demo()
    password = password_file.read_text().strip()

    demo = create_demo()

    assert demo.check_password(password)
    assert demo.trained_models.count() == demo.datasets.count() == 1
    assert demo.token_balance == 14
    assert verify_ledger() == []


def test_a_lost_password_file_gets_a_new_password(password_file):
    create_demo()
    password_file.unlink()

    demo = create_demo()

    assert demo.check_password(password_file.read_text().strip())


def test_a_password_that_somebody_chose_stays(password_file):
    demo = create_demo()
    passwords.change_password(user=demo, new_password="my own horse battery", by=demo)

    assert create_demo().check_password("my own horse battery")


def test_a_failed_training_is_an_error_and_the_next_time_a_new_try(password_file, settings):
    settings.TRAINING_MEMORY_LIMIT_MB = 1
    with pytest.raises(CommandError, match="failed"):
        create_demo()

    settings.TRAINING_MEMORY_LIMIT_MB = 4096
    assert create_demo().token_balance == 14


def test_a_half_written_password_is_never_used(password_file, monkeypatch):
    def die(part, path):
        raise IntegrityError

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", die)
        with pytest.raises(IntegrityError):
            command.ensure_account(password_file)
    assert not password_file.exists()
    assert not User.objects.exists()

    assert command.ensure_account(password_file).check_password(password_file.read_text().strip())
