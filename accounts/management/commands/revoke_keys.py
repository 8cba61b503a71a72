from django.core.management import CommandError

from mlplatform.core import commands
from mlplatform.core.text import plural


class Command(commands.Command):
    help = "Revokes the keys of a user, which end at once: all of them, or one."
    epilog = """
exit codes:
  0  revoked, or there was none to revoke
  2  wrong usage
  3  no such user, or no such key

examples:
  manage.py revoke_keys alice@example.com
  manage.py revoke_keys alice@example.com --key mlp_1a2b3c4d
"""

    def add_arguments(self, parser):
        parser.add_argument("email", help="the user's e-mail address, in any case")
        parser.add_argument("--key", metavar="PREFIX", help="its beginning, as pages and admin show it")

    def handle(self, *, email, key, **options):
        user = commands.find_user(email)
        keys = user.api_keys.unrevoked()
        if key:
            keys = keys.filter(prefix=key)
            if not keys.exists():
                raise CommandError(f"{user.email} has no key that begins with {key}.", returncode=3)
        self.stdout.write(f"{user.email}: {plural(keys.revoke(), 'key')} revoked.")
