from argparse import ArgumentTypeError

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.models import ApiKey
from accounts.operations.keys import create_key
from mlplatform.core import commands


class Command(commands.Command):
    help = "Creates a key for a script of a user, and prints it. It cannot be shown again."
    epilog = """
exit codes:
  0  created; the key is the only line of standard output
  1  refused, such as for a user who has the most keys allowed
  2  wrong usage
  3  no such user

example:
  KEY=$(manage.py create_key alice@example.com --name "nightly report" --scope predict --expires 2027-12-31)
"""

    def add_arguments(self, parser):
        parser.add_argument("email", help="the user's e-mail address, in any case")
        parser.add_argument("--name", required=True, help="what will use it")
        parser.add_argument(
            "--scope", required=True, choices=ApiKey.Scope.values, help="predict: prediction calls alone"
        )
        parser.add_argument("--expires", type=moment, help="date or time in UTC; without it, never")

    def handle(self, *, email, name, scope, expires, **options):
        user = commands.find_user(email)
        key, text = create_key(owner=user, name=name, scope=scope, expires_at=expires)
        self.stderr.write(f'"{key.name}" of {user.email}, to be revoked with --key {key.prefix}:')
        self.stdout.write(text)


def moment(text: str):
    try:
        parsed = parse_datetime(text)
    except ValueError:
        parsed = None
    if parsed is None:
        raise ArgumentTypeError("enter a date such as 2027-12-31")
    return parsed if timezone.is_aware(parsed) else timezone.make_aware(parsed)
