from pathlib import Path

from django.core.management.base import CommandError

from mlmodels.limits import MODEL_BYTES_MAX
from mlmodels.operations.imports import import_model
from mlplatform.core import commands
from mlplatform.core.commands import find_user


class Command(commands.Command):
    help = "Makes a model from a skops file that export_model, or the page of a model, has written."
    epilog = """
No code from the file runs: it may only hold the types that our own models have. Every other kind of file is
refused, joblib and pickle before a byte of it is interpreted. The model is signed here, predicts like every
other, and costs nothing; it has no dataset, so it cannot be trained again.

exit codes:
  0  imported; the name of the model is the only line of standard output
  1  refused; nothing was stored
  2  wrong usage
  3  no such user

example:
  manage.py import_model houses.skops --owner alice@example.com --name houses
"""

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, help="skops file")
        parser.add_argument("--owner", required=True, metavar="EMAIL", help="user who will own the model")
        parser.add_argument("--name", default="", help="name of the model; default: the one it had")

    def handle(self, *, file, owner, name, **options):
        owner = find_user(owner)
        try:
            if file.stat().st_size > MODEL_BYTES_MAX:
                raise CommandError(
                    f"{file} is larger than the {MODEL_BYTES_MAX:,} bytes that a model may have."
                )
            data = file.read_bytes()
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        self.stdout.write(import_model(owner=owner, data=data, name=name).name)
