"""/webhooks/ and /api/v1/webhooks: the same webhooks from a page and from a program."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from mlmodels.models import Webhook, WebhookDelivery
from mlmodels.operations import deliveries, webhooks
from mlplatform.core import outbound

pytestmark = pytest.mark.django_db

API = "/api/v1/webhooks"
URL = "https://hook.example.com/runs"


@pytest.fixture(autouse=True)
def answers_of_the_receiver(monkeypatch):
    """Nothing leaves: the receiver is public, and answers with these statuses in turn."""
    statuses = []
    monkeypatch.setattr(outbound, "resolve", lambda host, port: ["8.8.8.8"])
    monkeypatch.setattr(outbound, "post", lambda *_: statuses.pop(0))
    return statuses


@pytest.fixture
def webhook(alice):
    return webhooks.create_webhook(owner=alice, url=URL, events=["run.ended"])


class SameThread:
    map = staticmethod(map)


def send_due():
    return deliveries.send_due(pool=SameThread)


def test_a_webhook_is_added_on_the_page_and_its_secret_shown_once(alice, pages_of):
    client = pages_of(alice)

    page = client.post("/webhooks/", {"url": URL, "events": ["run.ended"]}).content.decode()
    later = client.get("/webhooks/").content.decode()

    secret = alice.webhooks.get().secret
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", secret)
    assert secret in page
    assert secret not in later and URL in later
    assert secret not in client.get(f"/webhooks/{alice.webhooks.get().uuid}/").content.decode()


def test_a_webhook_is_added_over_the_api_and_its_secret_shown_once(alice, api_as):
    client = api_as(alice)

    made = client.post(API, {"url": URL, "events": ["run.ended"]})
    shown = client.get(f"{API}/{made.json()['id']}")

    assert made.status_code == 201
    assert made.json()["secret"] == alice.webhooks.get().secret
    assert "secret" not in shown.json()
    assert shown.json()["events"] == ["run.ended"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"url": "http://10.0.0.1/"}, "url"),
        ({"url": "ftp://example.com"}, "url"),
        ({"url": ""}, "url"),
        ({"events": ["run.started"]}, "events"),
        ({"events": []}, "events"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_field(alice, pages_of, api_as, monkeypatch, wrong, field):
    monkeypatch.setattr(outbound, "resolve", lambda host, port: ["10.0.0.1"])
    words = {"url": URL, "events": ["run.ended"], **wrong}

    page = pages_of(alice).post("/webhooks/", words)
    answer = api_as(alice).post(API, words)

    assert page.status_code == 422
    assert field in page.context["form"].errors
    assert answer.status_code == 400
    assert [name.partition("[")[0].partition(".")[0] for name in answer.json()["fields"]] == [field]
    assert not Webhook.objects.exists()


def test_a_test_by_a_click_is_shown_with_each_attempt_and_sent_again(
    alice, webhook, pages_of, answers_of_the_receiver
):
    client, page = pages_of(alice), f"/webhooks/{webhook.uuid}/"
    answers_of_the_receiver += [500, 204]

    client.post(f"{page}test/")
    waiting = client.get(page).content.decode()
    send_due()
    failed = client.get(page).content.decode()
    delivery = webhook.deliveries.get()
    WebhookDelivery.objects.update(status="failed")
    client.post(f"{page}deliveries/{delivery.uuid}/again/")
    send_due()
    done = client.get(page).content.decode()

    assert "Pending" in waiting and "not sent yet" in waiting
    assert "1 attempt, last: status 500" in failed
    assert "Delivered" in done and "2 attempts, last: status 204" in done


def test_the_list_of_deliveries_follows_by_itself_until_what_is_due_was_sent(
    alice, webhook, pages_of, answers_of_the_receiver
):
    client, page = pages_of(alice), f"/webhooks/{webhook.uuid}/"
    client.post(f"{page}test/")

    before = client.get(page).content.decode()
    answers_of_the_receiver.append(204)
    send_due()
    after = client.get(page).content.decode()

    assert f'hx-get="{page}"' in before and "Pending" in before
    assert "hx-get" not in after and "Delivered" in after


def test_a_delivery_that_waits_for_hours_can_be_sent_at_once(alice, webhook, pages_of):
    delivery = webhooks.send_test(webhook=webhook)
    page = f"/webhooks/{webhook.uuid}/"
    button = f"{page}deliveries/{delivery.uuid}/again/"

    at_once = pages_of(alice).get(page).content.decode()
    WebhookDelivery.objects.update(next_attempt_at=timezone.now() + timedelta(hours=3))
    later = pages_of(alice).get(page).content.decode()

    assert button not in at_once and button in later


def test_the_same_over_the_api(alice, webhook, api_as, answers_of_the_receiver):
    client, url = api_as(alice), f"{API}/{webhook.uuid}"
    answers_of_the_receiver += [200, 200]

    made = client.post(f"{url}/test")
    send_due()
    [delivery] = client.get(f"{url}/deliveries").json()["results"]
    again = client.post(f"{url}/deliveries/{delivery['id']}/send-again")
    twice = client.post(f"{url}/deliveries/{delivery['id']}/send-again")

    assert (made.status_code, again.status_code) == (200, 200)
    assert (delivery["id"], delivery["status"]) == (made.json()["id"], "delivered")
    assert [attempt["status"] for attempt in delivery["attempts"]] == [200]
    assert (twice.status_code, twice.json()["code"]) == (409, "delivery_refused")


def test_a_webhook_is_deleted_with_its_deliveries(alice, webhook, pages_of, api_as):
    webhooks.send_test(webhook=webhook)

    assert URL in pages_of(alice).get(f"/webhooks/{webhook.uuid}/delete/").content.decode()
    pages_of(alice).post(f"/webhooks/{webhook.uuid}/delete/")

    assert not Webhook.objects.exists() and not WebhookDelivery.objects.exists()
    other = webhooks.create_webhook(owner=alice, url=URL, events=["run.ended"])
    assert api_as(alice).delete(f"{API}/{other.uuid}").status_code == 204
    assert not Webhook.objects.exists()


def test_the_page_of_a_webhook_costs_no_more_queries_for_more_deliveries(
    alice, webhook, pages_of, django_assert_num_queries
):
    client = pages_of(alice)
    for _ in range(5):
        webhooks.send_test(webhook=webhook)

    with django_assert_num_queries(5):  # session, user, webhook, number and page of deliveries
        client.get(f"/webhooks/{webhook.uuid}/")


def test_staff_read_them_without_the_secret(admin_user, webhook, pages_of):
    webhooks.send_test(webhook=webhook)
    client = pages_of(admin_user)

    pages = [
        client.get("/admin/mlmodels/webhook/"),
        client.get(f"/admin/mlmodels/webhook/{webhook.pk}/change/"),
        client.get("/admin/mlmodels/webhookdelivery/"),
        client.get(f"/admin/mlmodels/webhookdelivery/{webhook.deliveries.get().pk}/change/"),
    ]

    assert [page.status_code for page in pages] == [200] * 4
    assert not any(webhook.secret in page.content.decode() for page in pages)
