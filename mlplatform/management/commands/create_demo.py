import os
import secrets
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError

from accounts.models import User
from accounts.operations import passwords, users
from mlmodels.models import TrainingRun
from mlmodels.operations import datasets, training
from mlmodels.worker.loop import follow
from mlplatform.core import commands
from mlplatform.core.commands import ProgressBar

EMAIL = "demo@example.com"
SAMPLE = "iris"
MODEL_NAME = "iris"
ALGORITHM = "auto"
PASSWORD_BYTES = 12


class Command(commands.Command):
    help = (
        "Makes the account demo@example.com with a sample dataset and a trained model. Its generated "
        "password is kept in DATA_DIR/demo_password, which only the owner of the file can read."
    )
    epilog = """
The command can be repeated: it skips what exists and continues where an earlier one stopped. A changed
password stays changed.

exit codes:
  0  everything is there
  1  the training failed; its reason is printed
"""

    def handle(self, *args, **options):
        owner = ensure_account(Path(settings.DATA_DIR) / "demo_password")
        self.ensure_model(owner)
        self.stdout.write(f"The demo account is {owner.email}; its password is in DATA_DIR/demo_password.")

    def ensure_model(self, owner):
        if owner.trained_models.exists():
            return
        run = owner.training_runs.open().first() or training.start_training(
            owner=owner,
            dataset=datasets.add_sample(owner=owner, sample=SAMPLE),
            algorithm=ALGORITHM,
            model_name=MODEL_NAME,
        )
        bar = ProgressBar(self.stdout)
        run = follow(run, bar.show)
        bar.close()
        if run.status != TrainingRun.Status.SUCCEEDED:
            raise CommandError(f"The training of the demo {run.status}. {run.error}".strip())


def ensure_account(password_file: Path):
    """Writes the password to disk before the account exists, so that it is never lost."""
    owner = User.objects.filter(email=EMAIL).first()
    is_known = password_file.exists()
    password = password_file.read_text().strip() if is_known else new_password(password_file)
    if owner is None:
        return users.register(email=EMAIL, password=password)
    if not is_known:
        passwords.change_password(user=owner, new_password=password, by=owner)
    return owner


def new_password(path: Path) -> str:
    """Written as a whole or not at all, readable for the owner of the file alone."""
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as handle:
        handle.write(password + "\n")
        handle.flush()
        os.fsync(handle.fileno())
    part.rename(path)
    return password
