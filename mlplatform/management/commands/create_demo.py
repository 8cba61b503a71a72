from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError

from accounts.models import User
from accounts.operations import passwords, users
from mlmodels.models import TrainingRun
from mlmodels.operations import datasets, training
from mlmodels.worker.loop import follow
from mlplatform.core import commands
from mlplatform.core.commands import progress_bar
from mlplatform.data_dir import stored_secret

EMAIL = "demo@example.com"
SAMPLE = "iris"
MODEL_NAME = "iris"
ALGORITHM = "auto"
BUDGET_SECONDS = 5  # `make run` waits for it
PASSWORD_BYTES = 12


class Command(commands.Command):
    help = (
        "Creates the account demo@example.com with a sample dataset and a trained model. Its generated "
        "password is kept in DATA_DIR/demo_password, which only the owner of the file can read."
    )
    epilog = """
The command can be repeated: it skips what exists and continues where an earlier call stopped. A password
that was changed stays as it is.

exit codes:
  0  the account and its model exist
  1  the training run failed; the reason is printed
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
            budget_seconds=BUDGET_SECONDS,
            model_name=MODEL_NAME,
        )
        with progress_bar(self.stdout) as show:
            run = follow(run, show)
        if run.status != TrainingRun.Status.SUCCEEDED:
            raise CommandError(f"The training run of the demo {run.status}. {run.error}".strip())


def ensure_account(password_file: Path):
    """Writes the password to disk before the account exists, so that it is never lost."""
    owner = User.objects.filter(email=EMAIL).first()
    is_known = password_file.exists()
    password = stored_secret(password_file, bytes_of_entropy=PASSWORD_BYTES)
    if owner is None:
        return users.register(email=EMAIL, password=password)
    if not is_known:
        passwords.change_password(user=owner, new_password=password, by=owner)
    return owner
