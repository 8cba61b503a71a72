from uuid import UUID

from django.core.management import CommandError

from billing.management.commands.grant_tokens import positive
from billing.models import TokenRequest
from billing.token_requests import decline_request, grant_request
from mlplatform.core import commands
from mlplatform.core.text import plural


class Command(commands.Command):
    help = "Lists the open requests for tokens, and grants or declines one."
    epilog = """
exit codes:
  0  listed, granted or declined (or already granted or declined)
  1  refused; nothing was granted
  2  wrong usage
  3  no such request

examples:
  manage.py token_requests
  manage.py token_requests --grant 1b4e28ba-2fa1-11d2-883f-0016d3cca427 --amount 50
  manage.py token_requests --decline 1b4e28ba-2fa1-11d2-883f-0016d3cca427 --note "Ask your teacher first."
"""

    def add_arguments(self, parser):
        decision = parser.add_mutually_exclusive_group()
        decision.add_argument("--grant", type=UUID, metavar="ID", help="the request to grant")
        decision.add_argument("--decline", type=UUID, metavar="ID", help="the request to decline")
        parser.add_argument("--amount", type=positive, help="tokens to grant instead of those asked for")
        parser.add_argument("--note", default="", help="what to tell the user in the e-mail")

    def handle(self, *, grant, decline, amount, note, **options):
        if grant:
            request = grant_request(request=find_request(grant), by=None, amount=amount, note=note)
            granted = plural(request.amount_granted, "token")
            self.stdout.write(f"{request.account.email}: {granted} granted as {request.reference}:grant.")
        elif decline:
            request = decline_request(request=find_request(decline), by=None, note=note)
            self.stdout.write(f"{request.account.email}: the request is declined.")
        else:
            self.list_open()

    def list_open(self):
        for request in TokenRequest.objects.open().select_related("account").iterator():
            asked = f"{request.account.email}  {plural(request.amount, 'token')}"
            self.stdout.write(f"{request.pk}  {request.created_at:%Y-%m-%d %H:%M}  {asked}  {request.reason}")


def find_request(request_id: UUID) -> TokenRequest:
    request = TokenRequest.objects.select_related("account").filter(pk=request_id).first()
    if request is None:
        raise CommandError("There is no such request.", returncode=3)
    return request
