"""How long the server takes for each page and list of an account with many models and predictions.

    python -m benchmarks.pages [--engine postgresql] [--models 200] [--predictions 100000] [--only models/]

Makes the account in a database of its own: models are copies of one that is trained, predictions of one that
is made, each with its charge. Then every URL that answers a GET is asked for through all middleware, in this
process: the median of some requests, how long this process and that of PostgreSQL computed for it, how many
queries it takes, and how long the answer is. The goal is for what is computed: on a busy machine requests
wait for others.
"""

import argparse
import statistics
import time
import uuid
from datetime import timedelta
from pathlib import Path

from benchmarks.empty_installation import analyze, empty_installation

GOAL_MS = 30
REQUESTS = 7
ROW = {"size": 70, "rooms": 2, "place": "city"}
ROWS_AT_ONCE = 2_000
DOWNLOADS = ("accounts/export/", "tokens/ledger.csv", "predictions.csv", "download", "answer.csv", "result")
HEADER = "| page | median, ms | computed, ms | queries | KB |\n| --- | ---: | ---: | ---: | ---: |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--models", type=int, default=200)
    parser.add_argument("--predictions", type=int, default=100_000)
    parser.add_argument("--only", default="", help="pages whose address has this in it")
    options = parser.parse_args()
    with empty_installation(options.engine):
        alices = account(options.models, options.predictions)
        print(HEADER)
        slow = [page for page in pages(alices) if options.only in page and not is_quick(page, alices)]
        print(f"\n{len(slow)} pages above {GOAL_MS} ms", *slow, sep="\n- ")


def account(models: int, predictions: int) -> dict:
    """Alice, with one of everything and many models and predictions."""
    from accounts.operations.users import register
    from billing import operations as billing
    from mlmodels.operations.predictions import predict
    from mlmodels.tests.factories import make_model

    alice, bob = (
        register(email=f"{name}@example.com", password=uuid.uuid4().hex) for name in ("alice", "bob")
    )
    billing.grant(user=alice, amount=predictions + 1_000, reason="benchmark", operation="benchmark")
    model = make_model(alice, algorithm="gradient_boosting")
    prediction = predict(owner=alice, model=model, features=ROW)
    things = one_of_each(alice, bob, model, prediction)
    copy_model(model, models - 1)
    copy_prediction(prediction, predictions - 1)
    analyze()
    return things


def one_of_each(alice, bob, model, prediction) -> dict:
    """By what `test_access.URLS` calls them; `owner` is Alice herself, `filters` those of a list."""
    from accounts.operations.keys import create_key
    from billing.token_requests import request_tokens
    from mlmodels.operations.aliases import promote
    from mlmodels.operations.sharing import create_report_link, share_model
    from mlmodels.operations.webhooks import create_webhook, send_test
    from mlmodels.tests.factories import make_model_row, start_batch, start_upload, work_off

    batch = start_batch(alice, model)
    work_off()
    site = {"site_url": "http://testserver/"}
    webhook = create_webhook(owner=alice, url="https://8.8.8.8/hook", events=["run.ended"])
    names = {"name": model.name, "model_name": model.name}
    asked = request_tokens(user=alice, amount=5, reason="More", **site)
    key, _ = create_key(owner=alice, name="report", scope="all")
    return {
        "owner": alice,
        "dataset": {"uuid": model.dataset.uuid},
        "upload": {"uuid": start_upload(alice).uuid},
        "run": {"uuid": model.run.uuid},
        "model": names,
        "alias": {"alias": promote(model=model, name="production").name, **names},
        "prediction": {"uuid": prediction.uuid, **names},
        "share": {"uuid": share_model(model=model, email=bob.email, **site).uuid, **names},
        "report link": {"uuid": create_report_link(model=model)[0].uuid, **names},
        "share with alice": {"uuid": share_model(model=make_model_row(bob), email=alice.email, **site).uuid},
        "webhook": {"uuid": webhook.uuid, "delivery": send_test(webhook=webhook).uuid},
        "token request": {"pk": asked.pk, "request_id": asked.pk},
        "batch": {"uuid": batch.uuid},
        "key": {"pk": key.pk, "key_id": key.pk},
        "filters": {"model__uuid": model.uuid, "model_name": model.name},
    }


def copy_model(model, copies: int) -> None:
    """Each with a dataset and a run of its own."""
    from mlmodels.models import Dataset, TrainedModel, TrainingRun

    for number in range(copies):
        dataset = Dataset.objects.get(pk=model.dataset_id)
        dataset.pk, dataset.uuid, dataset.series = None, uuid.uuid4(), uuid.uuid4()
        dataset.save(force_insert=True)
        run = TrainingRun.objects.get(pk=model.run_id)
        run.pk, run.uuid, run.dataset = None, uuid.uuid4(), dataset
        run.save(force_insert=True)
        copy = TrainedModel.objects.get(pk=model.pk)
        copy.pk, copy.uuid, copy.run, copy.dataset = None, uuid.uuid4(), run, dataset
        copy.name = f"{model.name}_{number}"
        copy.save(force_insert=True)


def copy_prediction(prediction, copies: int) -> None:
    """Half of them of the same model, the others of all of the owner's in turn; each with its charge."""
    from django.db.models import F

    from accounts.models import User
    from billing.models import LedgerEntry
    from mlmodels.models import Prediction, TrainedModel

    owner = User.objects.get(pk=prediction.owner_id)
    others = list(TrainedModel.objects.filter(owner=owner).only("id", "name"))
    last_seq = LedgerEntry.objects.filter(account=owner).last_seq()
    for first in range(0, copies, ROWS_AT_ONCE):
        rows, entries = [], []
        for number in range(first, min(first + ROWS_AT_ONCE, copies)):
            model = prediction.model if number % 2 else others[number // 2 % len(others)]
            row = Prediction(
                owner=owner,
                model=model,
                model_name=model.name,
                inputs=prediction.inputs,
                output=prediction.output,
                cost_tokens=1,
                created_at=prediction.created_at - timedelta(seconds=30 * (copies - number)),
            )
            rows.append(row)
            entries.append(charge_of(row, last_seq + number + 1, owner.token_balance - number - 1))
        Prediction.objects.bulk_create(rows)
        LedgerEntry.objects.bulk_create(entries)
    User.objects.filter(pk=owner.pk).update(
        token_balance=F("token_balance") - copies, tokens_spent=F("tokens_spent") + copies
    )


def charge_of(prediction, seq: int, balance: int):
    from billing.models import LedgerEntry

    return LedgerEntry(
        account=prediction.owner,
        seq=seq,
        kind="charge",
        amount=-prediction.cost_tokens,
        balance_after=balance,
        reason="prediction",
        reference=prediction.reference,
        operation=f"charge:{prediction.reference}",
        created_at=prediction.created_at,
    )


def pages(alices: dict) -> list[str]:
    from mlplatform.tests.test_access import URLS, url_of

    compared = "/models/compare/?model={name}&model={name}_0".format(**alices["model"])
    return [
        *(
            url_of(route, rule.parameters | alices.get(rule.to, {}))
            for route, rule in URLS.items()
            if rule.to != "administrators" and not any(part in route for part in DOWNLOADS)
        ),
        compared,
        "/models/?q=a",
        "/models/?page=2",
        "/predictions/?page=2",
        "/predictions/?page=2000",
        "/predictions/?page=last",
        "/tokens/?page=2",
        "/api/v1/models?page_size=100",
        "/api/v1/predictions?page_size=100",
        "/api/v1/predictions?page=1000",
        *(f"/api/v1/predictions?{name}={value}" for name, value in alices["filters"].items()),
        "/api/v1/runs?page_size=100",
        "/api/v1/datasets?page_size=100",
        "/api/v1/ledger?page_size=100",
    ]


def is_quick(page: str, alices: dict) -> bool:
    """Prints its line; pages that answer no GET are left out."""
    from django.db import connection
    from django.test import Client
    from rest_framework.test import APIClient

    if page.startswith("/api/"):
        client = APIClient()
        client.force_authenticate(alices["owner"])
    else:
        client = Client()
        client.force_login(alices["owner"])
    answer = client.get(page)
    if answer.status_code in (302, 404, 405):
        return True
    statements = []
    with connection.execute_wrapper(lambda execute, *of: statements.append(of[0]) or execute(*of)):
        client.get(page)
    times, computed = [], []
    for _ in range(REQUESTS):
        started, computed_before = time.perf_counter(), computed_seconds()
        size = len(client.get(page).getvalue())
        times.append((time.perf_counter() - started) * 1000)
        computed.append((computed_seconds() - computed_before) * 1000)
    status = "" if answer.status_code == 200 else f" ({answer.status_code})"
    print(
        f"| {page}{status} | {statistics.median(times):.1f} | {statistics.median(computed):.1f} "
        f"| {len(statements)} | {size / 1024:,.0f} |",
        flush=True,
    )
    return statistics.median(computed) <= GOAL_MS


def computed_seconds() -> float:
    """By this thread, and by the process of PostgreSQL that serves it, if that is here, and on Linux."""
    from django.db import connection

    computed = time.thread_time()
    if connection.vendor == "postgresql":
        connection.ensure_connection()
        served_by = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")
        computed += int(served_by.read_text().split()[0]) / 1e9 if served_by.exists() else 0
    return computed


if __name__ == "__main__":
    main()
