"""What an administrator asks, answered by following links from the front page of the admin."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.operations.keys import create_key
from mlmodels.models import TrainingRun
from mlmodels.operations import jobs
from mlmodels.operations.predictions import predict
from mlmodels.tests.factories import houses_csv, make_dataset, start_run

pytestmark = pytest.mark.django_db

LINK = re.compile(r'<a href="([^"]+)"[^>]*>(.*?)</a>', re.DOTALL)
HOUSE = {"size": 100, "rooms": 2, "place": "city"}
CREATE = {"model_type": "linear", "feature_cols": "size,rooms", "label_col": "price"}


class Clicks:
    """A browser that only follows links; counts them."""

    def __init__(self, client, start):
        self.client, self.number = client, 0
        self.open(start)

    def open(self, url):
        answer = self.client.get(url)
        assert answer.status_code == 200, url
        self.page = answer.content.decode()

    def click(self, text, within=""):
        """The first link that reads so; `within` is text of the table row that it is in."""
        rows = re.findall(r"<tr.*?</tr>", self.page, re.DOTALL) if within else [self.page]
        page = next(row for row in rows if within in row)
        url = next(url for url, shown in LINK.findall(page) if text in re.sub("<[^>]+>", "", shown))
        self.open(url.replace("&amp;", "&"))
        self.number += 1
        return self


@pytest.fixture
def admin_pages(client, admin_user):
    client.force_login(admin_user)
    return Clicks(client, reverse("admin:index"))


def test_why_did_this_user_lose_five_tokens_on_tuesday(
    admin_pages, admin_user, alice, bob, make_model, time_machine
):
    model = make_model(alice, model_name="houses")
    time_machine.move_to("2026-11-24T10:04:00Z", tick=False)
    predict(owner=alice, model=model, features=HOUSE)
    time_machine.move_to("2026-11-26T09:00:00Z", tick=False)

    admin_pages.client.force_login(admin_user)  # the first session has ended by then
    admin_pages.click("Users").click("ledger", within=alice.email).click(
        "prediction:", within="Nov. 24, 2026"
    )

    assert admin_pages.number == 3
    assert "houses" in admin_pages.page
    assert "&quot;size&quot;: 100.0" in admin_pages.page


def test_a_charge_leads_to_the_run_that_it_paid_for_and_back_to_its_refund(admin_pages, alice):
    run = jobs.claim(job=start_run(alice, model_name="houses"), worker="w")
    jobs.fail(job=run, error="The sandbox is full.", code="crashed")

    admin_pages.click("Ledger entries").click("run:", within=">Charge<")
    assert "The sandbox is full." in admin_pages.page

    admin_pages.click("entries")
    assert ">Refund<" in admin_pages.page and ">Charge<" in admin_pages.page


def test_a_users_page_leads_to_all_that_is_theirs(admin_pages, settings, alice, bob, make_model):
    make_model(alice, model_name="houses")
    jobs.fail(job=jobs.claim(job=start_run(alice), worker="w"), error="no", code="crashed")
    make_dataset(bob)

    for label, shown in (("datasets", 2), ("models", 1), ("training runs", 2), ("failed runs", 1)):
        pages = Clicks(admin_pages.client, reverse("admin:accounts_user_change", args=[alice.pk]))
        assert f">{label}</a>: {shown}" in pages.page
        pages.click(label)
        assert bob.email not in pages.page
    for label, *_ in settings.ADMIN_LISTS_OF_A_USER:
        pages = Clicks(admin_pages.client, reverse("admin:accounts_user_change", args=[alice.pk]))
        pages.click(label)


def test_a_list_of_users_costs_a_constant_number_of_queries(admin_pages, make_user):
    def queries():
        with CaptureQueriesContext(
            connection,
        ) as captured:
            admin_pages.open(reverse("admin:accounts_user_changelist"))
        return len(captured)

    before = queries()
    for number in range(5):
        make_user(f"{number}@example.com")

    assert queries() == before


# What started a run


def run_page(pages, run):
    return Clicks(pages.client, reverse("admin:mlmodels_trainingrun_change", args=[run.pk])).page


def test_a_run_names_the_request_and_the_key_that_started_it(admin_pages, api, alice, trains_at_once):
    key, text = create_key(owner=alice, name="nightly", scope="all")
    body = {**CREATE, "csv_file": SimpleUploadedFile("houses.csv", houses_csv())}
    headers = {"authorization": f"Bearer {text}", "x-request-id": "request-17"}
    assert api.post("/api/create", body, format="multipart", headers=headers).status_code == 200

    run = TrainingRun.objects.get()
    assert run.origin == {"door": "api", "request_id": "request-17", "key": f"nightly ({key.prefix}…)"}
    assert f"api · request request-17 · key nightly ({key.prefix}…)" in run_page(admin_pages, run)
    pages = Clicks(admin_pages.client, reverse("admin:mlmodels_trainingrun_changelist") + "?q=request-17")
    assert run.model_name in pages.page


def test_a_run_of_a_page_and_of_a_command(admin_pages, alice, pages_of, tmp_path):
    dataset = make_dataset(alice)
    pages_of(alice).post(
        reverse("mlmodels:train", args=[dataset.uuid]),
        {
            "target": "3",
            "algorithm": "linear",
            "use": ["0"],
            "train_percentage": "0.8",
            "idempotency_key": "k",
        },
    )
    (tmp_path / "houses.csv").write_bytes(houses_csv())
    call_command("train_model", str(tmp_path / "houses.csv"), "--owner", alice.email, "--no-wait")

    by_page, by_command = TrainingRun.objects.order_by("pk")
    assert by_page.origin["door"] == "page" and len(by_page.origin["request_id"]) == 32
    assert by_command.origin == {"door": "command", "command": "train_model"}
    assert "command · manage.py train_model" in run_page(admin_pages, by_command)


def test_of_a_run_from_before_nothing_is_known(admin_pages, alice):
    assert start_run(alice).origin == {}


def test_what_a_user_leaves_behind_names_no_key(alice):
    run = start_run(alice)
    TrainingRun.objects.update(origin={"door": "api", "key": "my phone (mlp_1234…)"})

    TrainingRun.objects.owned_by(alice).erase()

    run.refresh_from_db()
    assert run.origin == {}
