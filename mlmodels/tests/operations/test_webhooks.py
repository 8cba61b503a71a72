"""Webhooks: told once for each end of a run, signed, tried again, given up, and never sent inside."""

import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.utils import timezone

from mlmodels.errors import DeliveryRefused, TooManyWebhooks
from mlmodels.limits import DELIVERY_ATTEMPTS_MAX, TEST_DELIVERIES_PER_HOUR_MAX, WEBHOOKS_MAX
from mlmodels.models import Webhook, WebhookDelivery
from mlmodels.operations import deliveries, erasure, jobs, webhooks
from mlmodels.tests.factories import start_batch, start_run, work_off
from mlmodels.tests.quick import train_now
from mlmodels.tests.receiver import Receiver
from mlmodels.worker.deliveries import DeliveryThread
from mlplatform.core import outbound
from mlplatform.core.errors import NotFound, TooManyRequests
from mlplatform.core.webhook_signatures import is_signed
from mlplatform.settings import BASE_DIR

pytestmark = pytest.mark.django_db

DELIVERED, FAILED, PENDING = "delivered", "failed", "pending"


@pytest.fixture
def receiver(settings):
    settings.WEBHOOKS_TO_PRIVATE_ADDRESSES = True
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def webhook(alice, receiver):
    return webhooks.create_webhook(owner=alice, url=receiver.url, events=["run.ended"])


def claimed(run):
    return jobs.claim(job=run, worker="w")


def send_due() -> int:
    with ThreadPoolExecutor(4) as pool:
        return deliveries.send_due(pool=pool)


def make_due():
    WebhookDelivery.objects.update(next_attempt_at=timezone.now())


# What is sent


def test_a_run_that_succeeds_is_told_with_a_signature_that_the_receiver_can_check(alice, webhook, receiver):
    run = train_now(start_run(alice))

    assert send_due() == 1

    [(headers, body)] = receiver.got
    told = json.loads(body)
    assert told["type"] == "run.ended"
    assert told["data"]["id"] == str(run.uuid)
    assert (told["data"]["status"], told["data"]["model_name"]) == ("succeeded", run.model_name)
    assert headers["Content-Type"] == "application/json"
    assert is_signed(
        secret=webhook.secret,
        event_id=headers["webhook-id"],
        timestamp=headers["webhook-timestamp"],
        signatures=headers["webhook-signature"],
        body=body,
    )
    delivery = webhook.deliveries.get()
    assert (delivery.status, delivery.last_attempt["status"]) == (DELIVERED, 204)
    assert send_due() == 0


def test_the_check_of_the_documentation_accepts_it_and_nothing_else(webhook, receiver):
    section = (BASE_DIR / "docs/api.md").read_text().partition("\n## Webhooks")[2]
    exec(re.search(r"```python\n(.*?)```", section, re.DOTALL)[1], example := {})
    webhooks.send_test(webhook=webhook)

    send_due()

    [(headers, body)] = receiver.got
    assert example["is_from_us"](headers, body, webhook.secret)
    assert not example["is_from_us"](headers, body + b" ", webhook.secret)
    assert not example["is_from_us"]({**headers, "webhook-timestamp": "1700000000"}, body, webhook.secret)


def test_every_other_end_of_a_run_is_told_as_well(alice, webhook):
    cancelled = jobs.cancel(job=start_run(alice))
    jobs.fail(job=claimed(start_run(alice, cancelled.dataset)), error="Too little memory.", code="memory")

    told = [json.loads(delivery.body)["data"] for delivery in WebhookDelivery.objects.order_by("pk")]

    assert [(data["status"], data["error"]) for data in told] == [
        ("cancelled", ""),
        ("failed", "Too little memory."),
    ]


def test_the_end_of_a_batch_is_told_to_those_who_want_to_know(alice, webhook, receiver, make_model):
    both = webhooks.create_webhook(owner=alice, url=receiver.url, events=["run.ended", "batch.ended"])
    model = make_model(alice)
    WebhookDelivery.objects.all().delete()

    batch = start_batch(alice, model)
    work_off()

    assert not webhook.deliveries.exists()
    delivery = both.deliveries.get()
    told = json.loads(delivery.body)
    assert (told["type"], told["data"]["id"]) == ("batch.ended", str(batch.uuid))
    assert (told["data"]["status"], told["data"]["model_name"]) == ("succeeded", model.name)
    assert (delivery.reference, told["data"]["path"]) == (batch.reference, f"/api/v1/batches/{batch.uuid}")


def test_an_end_that_is_rolled_back_is_not_told(alice, webhook, monkeypatch):
    run = claimed(start_run(alice))
    monkeypatch.setattr("billing.operations.refund", lambda **_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        jobs.fail(job=run, error="x", code="y")

    assert not WebhookDelivery.objects.exists()


def test_others_and_those_who_did_not_ask_are_told_nothing(alice, bob, receiver):
    webhooks.create_webhook(owner=bob, url=receiver.url, events=["run.ended"])

    jobs.cancel(job=start_run(alice))

    assert not WebhookDelivery.objects.exists()


def test_a_webhook_that_was_just_deleted_gets_no_test(webhook):
    webhooks.delete_webhook(webhook=Webhook.objects.get())

    with pytest.raises(NotFound):
        webhooks.send_test(webhook=webhook)

    assert not WebhookDelivery.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_run_that_ends_while_its_webhook_is_deleted_ends(alice, webhook, at_once, monkeypatch):
    run = claimed(start_run(alice))
    enqueue = webhooks._enqueue
    monkeypatch.setattr(webhooks, "_enqueue", lambda *values: time.sleep(0.4) or enqueue(*values))

    def act(ends):
        if ends:
            return jobs.fail(job=run, error="x", code="y")
        time.sleep(0.2)
        return webhooks.delete_webhook(webhook=webhook)

    assert at_once(act, each=[True, False]) == [True, None]

    run.refresh_from_db()
    assert run.status == "failed"
    assert not Webhook.objects.exists()


# Trying again


def test_a_failure_is_tried_again_after_longer_and_longer_pauses_and_given_up(alice, webhook, receiver):
    receiver.status = 500
    delivery = webhooks.send_test(webhook=webhook)
    pauses = []

    for _ in range(DELIVERY_ATTEMPTS_MAX):
        assert send_due() == 1
        assert send_due() == 0
        delivery.refresh_from_db()
        pauses.append((delivery.next_attempt_at - timezone.now()).total_seconds())
        make_due()

    assert delivery.status == FAILED
    assert [attempt["status"] for attempt in delivery.attempts] == [500] * DELIVERY_ATTEMPTS_MAX
    assert pauses[:-1] == pytest.approx([10, 60, 360, 2160, 12_960, 77_760], abs=5)
    assert send_due() == 0
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1


def test_a_receiver_that_recovers_gets_it(webhook, receiver):
    receiver.status = 503
    delivery = webhooks.send_test(webhook=webhook)
    send_due()
    receiver.status = 200
    make_due()

    send_due()

    delivery.refresh_from_db()
    assert delivery.status == DELIVERED
    assert [attempt["status"] for attempt in delivery.attempts] == [503, 200]


def test_a_redirect_is_a_failure(webhook, receiver):
    receiver.status = 302
    delivery = webhooks.send_test(webhook=webhook)

    send_due()

    delivery.refresh_from_db()
    assert delivery.status == PENDING
    assert delivery.last_attempt["error"] == "Redirects are not followed."


def test_a_click_sends_the_same_again_as_long_as_it_is_not_being_sent(webhook, receiver):
    delivery = webhooks.send_test(webhook=webhook)
    with pytest.raises(DeliveryRefused):
        webhooks.deliver_again(delivery=delivery)
    send_due()
    delivery.refresh_from_db()

    webhooks.deliver_again(delivery=delivery)
    send_due()

    (first, body), (second, same_body) = receiver.got
    assert body == same_body
    assert first["webhook-id"] == second["webhook-id"] == str(delivery.uuid)
    delivery.refresh_from_db()
    assert (delivery.status, len(delivery.attempts)) == (DELIVERED, 2)


def test_who_has_repaired_a_receiver_need_not_wait_for_the_next_attempt(webhook, receiver):
    receiver.status = 500
    delivery = webhooks.send_test(webhook=webhook)
    send_due()
    delivery.refresh_from_db()
    with pytest.raises(DeliveryRefused):  # it is due in ten seconds
        webhooks.deliver_again(delivery=delivery)
    for _ in range(2):
        make_due()
        send_due()  # the next attempt is in six minutes
    receiver.status = 204

    delivery.refresh_from_db()
    webhooks.deliver_again(delivery=delivery)
    send_due()

    delivery.refresh_from_db()
    assert (delivery.status, [attempt["status"] for attempt in delivery.attempts]) == (
        DELIVERED,
        [500, 500, 500, 204],
    )


def test_what_a_worker_is_sending_is_not_sent_again(webhook):
    delivery = webhooks.send_test(webhook=webhook)
    deliveries._claim()

    delivery.refresh_from_db()
    with pytest.raises(DeliveryRefused):
        webhooks.deliver_again(delivery=delivery)
    assert not delivery.is_at_rest


def test_one_delivery_of_each_webhook_is_sent_at_a_time(alice, webhook, receiver):
    other = webhooks.create_webhook(owner=alice, url=receiver.url + "2", events=["run.ended"])
    for _ in range(3):
        webhooks.send_test(webhook=webhook)
    webhooks.send_test(webhook=other)

    assert [send_due() for _ in range(4)] == [2, 1, 1, 0]


@pytest.mark.django_db(transaction=True)
def test_several_workers_at_once_send_it_once(webhook, receiver, at_once):
    webhooks.send_test(webhook=webhook)

    outcomes = at_once(send_due, times=6)

    assert sorted(outcomes) == [0] * 5 + [1]
    assert len(receiver.got) == 1


def test_what_a_killed_worker_was_sending_is_sent_again_later(webhook, receiver, time_machine):
    delivery = webhooks.send_test(webhook=webhook)
    assert [claimed.pk for claimed in deliveries._claim()] == [delivery.pk]  # and it is killed
    assert send_due() == 0

    time_machine.move_to(timezone.now() + deliveries.CLAIMED_FOR + timedelta(seconds=1))

    assert send_due() == 1


@pytest.mark.django_db(transaction=True)
def test_the_thread_of_a_worker_sends_while_it_trains(webhook, receiver):
    delivery = webhooks.send_test(webhook=webhook)

    with DeliveryThread():
        for _ in range(200):
            delivery.refresh_from_db()
            if delivery.status == DELIVERED:
                break
            threading.Event().wait(0.05)

    assert delivery.status == DELIVERED


def test_old_deliveries_are_deleted_by_housekeeping(webhook, settings):
    old, pending, new = (webhooks.send_test(webhook=webhook) for _ in range(3))
    long_ago = timezone.now() - timedelta(days=31)
    WebhookDelivery.objects.filter(pk__in=[old.pk, new.pk]).update(status=DELIVERED)
    WebhookDelivery.objects.filter(pk__in=[old.pk, pending.pk]).update(created_at=long_ago)

    assert deliveries.prune() == 1
    assert "mlmodels.operations.deliveries.prune" in settings.HOUSEKEEPING.values()
    assert set(WebhookDelivery.objects.values_list("pk", flat=True)) == {pending.pk, new.pk}


# Where it may go


@pytest.fixture
def resolved(monkeypatch):
    """`resolved["example.com"] = "8.8.8.8"`: what names resolve to."""
    addresses = {}

    def resolve(host, port):
        if host not in addresses:
            raise outbound.Unreachable("unknown")
        return [addresses[host]]

    monkeypatch.setattr(outbound, "resolve", resolve)
    return addresses


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "http://127.0.0.1:8000/", "http://[::1]/hook"])
def test_a_private_address_is_refused_at_registration(alice, url):
    with pytest.raises(outbound.UrlRefused):
        webhooks.create_webhook(owner=alice, url=url, events=["run.ended"])

    assert not Webhook.objects.exists()


def test_a_name_that_resolves_to_a_private_address_is_refused_at_registration(alice, resolved):
    resolved["metadata.example.com"] = "169.254.169.254"

    with pytest.raises(outbound.UrlRefused):
        webhooks.create_webhook(owner=alice, url="http://metadata.example.com/", events=["run.ended"])


def test_a_name_that_turns_private_later_is_refused_at_delivery(alice, resolved, monkeypatch):
    sent = []
    monkeypatch.setattr(outbound, "post", lambda *_: sent.append(1) or 200)
    resolved["hook.example.com"] = "8.8.8.8"
    webhook = webhooks.create_webhook(owner=alice, url="http://hook.example.com/", events=["run.ended"])
    resolved["hook.example.com"] = "169.254.169.254"
    delivery = webhooks.send_test(webhook=webhook)

    send_due()

    delivery.refresh_from_db()
    assert sent == []
    assert delivery.last_attempt["error"] == "This address is not on the public internet."


def test_a_name_that_does_not_resolve_yet_may_be_registered(alice, resolved):
    webhook = webhooks.create_webhook(owner=alice, url="https://soon.example.com/", events=["run.ended"])
    delivery = webhooks.send_test(webhook=webhook)

    send_due()

    delivery.refresh_from_db()
    assert delivery.last_attempt["status"] is None
    assert delivery.status == PENDING


# Limits and the end


def test_webhooks_of_a_user_are_limited(alice, receiver):
    for number in range(WEBHOOKS_MAX):
        webhooks.create_webhook(owner=alice, url=f"{receiver.url}/{number}", events=["run.ended"])

    with pytest.raises(TooManyWebhooks):
        webhooks.create_webhook(owner=alice, url=receiver.url, events=["run.ended"])


def test_tests_are_limited(webhook):
    for _ in range(TEST_DELIVERIES_PER_HOUR_MAX):
        webhooks.send_test(webhook=webhook)

    with pytest.raises(TooManyRequests):
        webhooks.send_test(webhook=webhook)


def test_an_account_that_is_erased_leaves_no_webhook(alice, webhook):
    start_run(alice)  # its end would be told

    erasure.erase_everything_of(owner=alice)

    assert not Webhook.objects.exists()
    assert not WebhookDelivery.objects.exists()
