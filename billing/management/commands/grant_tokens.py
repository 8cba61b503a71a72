import uuid
from argparse import ArgumentTypeError

from billing import operations
from mlplatform.core import commands
from mlplatform.core.text import plural


class Command(commands.Command):
    help = "Grants tokens to a user as a new entry in the ledger, which cannot be removed."
    epilog = """
exit codes:
  0  granted (or already granted under the same --operation)
  1  refused; nothing was granted
  2  wrong usage
  3  no such user

examples:
  manage.py grant_tokens alice@example.com 100 --reason "Invoice 2026-17"
  manage.py grant_tokens alice@example.com 10 --reason "May" --operation grant:alice:2026-05
"""

    def add_arguments(self, parser):
        parser.add_argument("email", help="the user's e-mail address, in any case")
        parser.add_argument("amount", type=positive, help="how many tokens, 1 or more")
        parser.add_argument("--reason", required=True, help="why; the user reads it in the ledger")
        parser.add_argument(
            "--operation",
            help="a unique name such as grant:invoice-17: a second grant under the same name does nothing, "
            "so that a script can be repeated",
        )

    def handle(self, *, email, amount, reason, operation, **options):
        user = commands.find_user(email)
        operation = operation or f"grant:{uuid.uuid4()}"
        entry = operations.grant(user=user, amount=amount, reason=reason, operation=operation)
        self.stdout.write(
            f"{user.email}: {plural(amount, 'token')} granted as {entry.operation}, "
            f"the balance is {entry.balance_after:,}."
        )


def positive(text: str) -> int:
    amount = int(text)
    if amount < 1:
        raise ArgumentTypeError("enter 1 or more")
    return amount
