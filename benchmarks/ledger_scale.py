"""The ledger at a size: what a charge, its pages, the export and the verification take.

    python -m benchmarks.ledger_scale --engine postgresql --entries 10000 1000000

Makes a ledger that `verify_ledger` accepts by statements of SQL: one account has half of the entries, a
hundred the rest; each begins with a grant, and all else are charges of predictions. Each figure is from a
process of its own, with what its memory grew by at most.
"""

import argparse
import json
import os
import resource
import time
import traceback
from collections.abc import Callable
from statistics import median

from benchmarks.empty_installation import SQL, analyze, empty_installation

ACCOUNTS = 101
CHARGES = 200
VIEWS = 10
ROWS_AT_ONCE = 200_000
GRANTED = 100_000_000

# {numbers} yields n; {operation} and {uuid} are of entry n. Account a has the entries from first to last.
PREDICTIONS = """
    INSERT INTO mlmodels_prediction (uuid, created_at, owner_id, model_id, model_name, inputs, output,
                                     cost_tokens, variations)
    SELECT {uuid}, {moment}, {account}, NULL, 'benchmark', '{{"size": 70}}', '{{"prediction": 1.5}}', 1, 0
    FROM {numbers}
"""
ENTRIES = """
    INSERT INTO billing_ledgerentry (account_id, seq, kind, amount, balance_after, reason, reference,
                                     operation, created_at)
    SELECT {account}, n - {first} + 2, 'charge', -1, {granted} - (n - {first} + 1), 'prediction',
           'prediction:' || {uuid_text}, 'prediction:' || {uuid_text}, {moment}
    FROM {numbers}
"""
GRANT = """
    INSERT INTO billing_ledgerentry (account_id, seq, kind, amount, balance_after, reason, reference,
                                     operation, created_at)
    VALUES ({account}, 1, 'grant', {granted}, {granted}, 'benchmark', '', 'benchmark:{account}', {moment})
"""
BALANCE = """
    UPDATE accounts_user SET token_balance = {granted} - {charges}, tokens_spent = {charges}
    WHERE id = {account}
"""
# As text, a uuid has dashes also where SQLite stores it without
UUID_AS_TEXT = {
    "postgresql": "CAST({uuid} AS text)",
    "sqlite": "'00000000-0000-0000-0000-' || printf('%012x', n)",
}


def fill_up(accounts: list[int], made: int, entries: int) -> None:
    """From `made` charges so far to so many `entries`. Half of the new ones are of the first account."""
    share = (entries - made) // 2
    fill_account(accounts[0], made, share)
    others, start = accounts[1:], made + share
    each = (entries - made - share) // len(others)
    for number, account in enumerate(others):
        fill_account(account, start + number * each, each)


def fill_account(account: int, after: int, count: int) -> None:
    """Charges number after + 1 to after + count of the installation."""
    from billing.models import LedgerEntry

    booked = LedgerEntry.objects.filter(account=account).last_seq()
    if not booked:
        execute(GRANT, account=account)
        booked = 1
    for start in range(after + 1, after + count + 1, ROWS_AT_ONCE):
        last = min(start + ROWS_AT_ONCE - 1, after + count)
        # The entry of number n has the seq n - first + 2, and goes on where the account's entries end
        first = start - (booked - 1)
        booked += last - start + 1
        execute(PREDICTIONS, account=account, first=first, start=start, last=last)
        execute(ENTRIES, account=account, first=first, start=start, last=last)
    execute(BALANCE, account=account, charges=booked - 1)


def execute(statement: str, *, account: int, first=0, start=0, last=0, **names) -> None:
    from django.db import connection

    sql, uuid_as_text = SQL[connection.vendor], UUID_AS_TEXT[connection.vendor]
    uuid = sql["uuid"].format(offset=0)
    words = {
        "uuid": uuid,
        "uuid_text": uuid_as_text.format(uuid=uuid),
        "moment": sql["moment"].format(seconds=0),
        "numbers": sql["numbers"].format(first=start, last=last),
        "granted": GRANTED,
        "account": account,
        "first": first,
        **names,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement.format(**words))


def apart(measure: Callable) -> tuple[dict, float]:
    """What `measure` returns in a process of its own, and by how many MB its memory grew at most."""
    from django.db import connection

    connection.close()
    ours, theirs = os.pipe()
    if not os.fork():
        try:
            connection.ensure_connection()
            before = resident_mb()
            report = measure()
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6 - before
            os.write(theirs, json.dumps([report, max(0, grown)]).encode())
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)  # what goes away with the benchmark is the parent's
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        os.wait()
        return json.loads(pipe.read())


def resident_mb() -> float:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize() / 1e6


def charge(account) -> dict:
    """Each in a transaction of its own. Their predictions are stored afterwards."""
    from billing import operations as billing
    from mlmodels.models import Prediction

    sold = [
        Prediction(owner=account, model_name="benchmark", output={}, cost_tokens=1) for _ in range(CHARGES)
    ]

    def pay(prediction):
        billing.charge(user=account, amount=1, reason="prediction", operation=prediction.reference)

    measured = [milliseconds(lambda: pay(prediction)) for prediction in sold]  # noqa: B023
    Prediction.objects.bulk_create(sold)
    return {"charge, ms": median(measured)}


def pages(account, administrator) -> dict:
    from django.test import Client

    reports = {}
    for user, name, path in [
        (account, "tokens page, ms", "/tokens/"),
        (account, "a page in the middle, ms", "/tokens/?page={middle}"),
        (account, "charges alone, ms", "/tokens/?kind=charge"),
        (account, "grants alone, ms", "/tokens/?kind=grant"),
        (account, "API, ms", "/api/v1/ledger"),
        (administrator, "admin list, ms", "/admin/billing/ledgerentry/"),
        (
            administrator,
            "admin, of one account, ms",
            "/admin/billing/ledgerentry/?account__id__exact={account}",
        ),
    ]:
        client = Client()
        client.force_login(user)
        address = path.format(middle=account.ledger_entries.last_seq() // 100 or 1, account=account.pk)
        reports[name] = median(milliseconds(lambda: show(client, address)) for _ in range(VIEWS))  # noqa: B023
    return reports


def show(client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)


def export(account) -> dict:
    from django.test import Client

    client = Client()
    client.force_login(account)
    started = time.perf_counter()
    answer = client.get("/tokens/ledger.csv")
    size = sum(len(block) for block in answer.streaming_content)
    return {"export, s": time.perf_counter() - started, "MB": size / 1e6}


def verify() -> dict:
    from billing.verify import verify_ledger

    started = time.perf_counter()
    assert verify_ledger() == []
    return {"verify_ledger, s": time.perf_counter() - started}


def milliseconds(call: Callable) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def report(entries: int, measured: dict, grown: float) -> None:
    for name, value in measured.items():
        print(f"| {entries:,} | {name} | {value:,.2f} | {grown:.0f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--engine", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--entries", type=int, nargs="+", default=[10_000, 1_000_000])
    options = parser.parse_args()
    with empty_installation(options.engine):
        from accounts.models import User

        users = [User(email=f"account{number}@example.com") for number in range(ACCOUNTS)]
        accounts = [user.pk for user in User.objects.bulk_create(users)]
        administrator = User.objects.create_superuser("admin@example.com", "a long pass phrase")
        print("| entries | what | | MB more |\n| ---: | --- | ---: | ---: |", flush=True)
        made = 0
        for entries in options.entries:
            measured = apart(lambda: fill(accounts, made, entries))  # noqa: B023
            report(entries, *measured)
            made = entries
            largest = User.objects.get(pk=accounts[0])
            report(entries, *apart(verify))
            report(entries, *apart(lambda: pages(largest, administrator)))  # noqa: B023
            report(entries, *apart(lambda: export(largest)))  # noqa: B023
            report(entries, *apart(lambda: charge(largest)))  # noqa: B023


def fill(accounts: list[int], made: int, entries: int) -> dict:
    started = time.perf_counter()
    fill_up(accounts, made, entries)
    analyze()
    return {"making it, s": time.perf_counter() - started}


if __name__ == "__main__":
    main()
