import uuid
from argparse import ArgumentTypeError

from billing import operations
from mlplatform.core import commands


class Command(commands.Command):
    help = "Gives tokens to a user: one new entry in the ledger, which cannot be taken out again."
    epilog = """
exit codes:
  0  granted (or granted before, under the same --operation)
  1  refused; nothing was booked
  2  wrong usage
  3  there is no such user

examples:
  manage.py grant_tokens alice@example.com 100 --reason "Invoice 2026-17"
  manage.py grant_tokens alice@example.com 10 --reason "May" --operation grant:alice:2026-05
"""

    def add_arguments(self, parser):
        parser.add_argument("email", help="the user's e-mail address, in any case")
        parser.add_argument("amount", type=positive, help="how many tokens, 1 or more")
        parser.add_argument("--reason", required=True, help="why; the user reads it in the token history")
        parser.add_argument(
            "--operation",
            help="a name of your own, such as grant:invoice-17: the same name again books nothing, so that a "
            "script can be repeated",
        )

    def handle(self, *, email, amount, reason, operation, **options):
        user = commands.find_user(email)
        entry = operations.grant(
            user=user, amount=amount, reason=reason, operation=operation or f"grant:{uuid.uuid4()}"
        )
        self.stdout.write(
            f"{user.email}: {operations.count_tokens(amount)} granted as {entry.operation}, "
            f"the balance is {entry.balance_after}."
        )


def positive(text: str) -> int:
    amount = int(text)
    if amount < 1:
        raise ArgumentTypeError("give 1 token or more")
    return amount
