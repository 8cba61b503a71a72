"""A model is shared with an account, and its report by a link: on pages and over the API.

Alice owns; Bob is given; Charlie is broke and given nothing.
"""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.verify import verify_ledger
from mlmodels.errors import ModelInUse
from mlmodels.models import ModelShare, Prediction, ReportLink, TrainedModel
from mlmodels.operations import erasure
from mlmodels.operations.monitoring import drift
from mlmodels.operations.predictions import predict
from mlmodels.operations.sharing import create_report_link, share_model
from mlmodels.operations.trained_models import delete_model
from mlmodels.tests.factories import make_model_row, quote_file, start_batch
from mlmodels.tests.new_rows import send_by_api, send_by_page
from mlmodels.tests.quick import predict_now

pytestmark = pytest.mark.django_db

SITE = "http://testserver/"
ROW = {"size": 70, "rooms": 2, "place": "city"}
FORM = {"column-0": "70", "column-1": "2", "column-2": "city", "idempotency_key": "row-1"}


@pytest.fixture
def model(alice, make_model):
    return make_model(alice, model_name="houses")


@pytest.fixture
def share(model, bob):
    return share_model(model=model, email="Bob@example.com", site_url=SITE)


def balance(user):
    user.refresh_from_db(fields=["token_balance"])
    return user.token_balance


# With another account


def test_who_is_given_a_model_reads_it_and_predicts_with_own_tokens(model, share, alice, bob, pages_of):
    client, url = pages_of(bob), f"/models/{model.name}/"

    listed = client.get("/models/").content.decode()
    pages = [client.get(url + tab) for tab in ("", "files/", "quality/", "drivers/", "code/", "report/")]
    answer = client.post(f"{url}predict/", FORM, follow=True)

    assert "Shared with you" in listed and url in listed and "alice@example.com" in listed
    assert [page.status_code for page in pages] == [200] * 6
    assert "Predictions and files cost <b>your</b> tokens." in pages[0].content.decode()
    assert "Paid with 5 tokens" in answer.content.decode()
    assert (balance(alice), balance(bob)) == (15, 10)
    assert Prediction.objects.get().owner == bob
    assert verify_ledger() == []


def test_and_over_the_api(model, share, alice, bob, api_as):
    client, url = api_as(bob), f"/api/v1/models/{model.name}"

    shared = client.get("/api/v1/shared-models").json()["results"]
    answer = client.post(f"{url}/predict", {"features": ROW})
    classic = client.post(f"/api/predict/{model.name}", {"features": ROW})

    assert [(one["name"], one["owner"]) for one in shared] == [(model.name, "alice@example.com")]
    assert client.get(f"{url}/schema").status_code == client.get(url).status_code == 200
    assert answer.status_code == classic.status_code == 200
    assert (balance(alice), balance(bob)) == (15, 5)
    assert client.get("/api/v1/models").json()["count"] == 0


@pytest.mark.parametrize("path", ["details/", "share/", "card/", "download/joblib/", "rename/", "delete/"])
def test_what_is_the_owners_stays_a_404(model, share, bob, pages_of, path):
    client = pages_of(bob)

    assert client.get(f"/models/{model.name}/{path}").status_code == 404
    assert path not in client.get(f"/models/{model.name}/").content.decode().replace("drivers/", "")


def test_nor_can_it_be_changed_shared_or_deleted_over_the_api(model, share, bob, api_as):
    client, url = api_as(bob), f"/api/v1/models/{model.name}"

    answers = [
        client.patch(url, {"label": "mine"}),
        client.delete(url),
        client.get(f"{url}/download"),
        client.get(f"{url}/shares"),
        client.post(f"{url}/shares", {"email": "charlie@example.com"}),
        client.post(f"{url}/report-links", {}),
        client.delete(f"{url}/shares/{share.uuid}"),
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert TrainedModel.objects.filter(pk=model.pk, label=model.label).exists()


def test_others_still_find_nothing(model, share, charlie, pages_of, api_as):
    assert pages_of(charlie).get(f"/models/{model.name}/").status_code == 404
    assert pages_of(charlie).get(f"/models/{model.name}/report/").status_code == 404
    assert api_as(charlie).post(f"/api/v1/models/{model.name}/predict", {"features": ROW}).status_code == 404


def test_the_owner_does_not_see_what_the_other_asked(model, share, alice, bob, pages_of):
    predict(owner=bob, model=model, features={**ROW, "size": 71.25})

    page = pages_of(alice).get(f"/models/{model.name}/").content.decode()

    assert "71.25" not in page and "Paid with" not in page
    assert drift(model=model)["rows"] == 0


@pytest.mark.parametrize("by", ["page", "api", "the other"])
def test_a_revoked_share_ends_at_once(model, share, alice, bob, pages_of, api_as, by):
    client, url = api_as(bob), f"/api/v1/models/{model.name}/predict"
    assert client.post(url, {"features": ROW}).status_code == 200  # this process remembers the model

    if by == "page":
        pages_of(alice).post(f"/models/{model.name}/share/account/{share.uuid}/revoke/")
    elif by == "api":
        api_as(alice).delete(f"/api/v1/models/{model.name}/shares/{share.uuid}")
    else:
        pages_of(bob).post(f"/shared/{share.uuid}/leave/")

    assert client.post(url, {"features": ROW}).status_code == 404
    assert pages_of(bob).get(f"/models/{model.name}/").status_code == 404
    assert "Shared with you" not in pages_of(bob).get("/models/").content.decode()
    assert balance(bob) == 10
    assert Prediction.objects.count() == 1


def test_a_file_is_sent_to_a_shared_model_with_own_tokens_and_is_nobody_elses(
    model, share, alice, bob, charlie, pages_of, api_as
):
    files = f"/models/{model.name}/files/"
    mine = start_batch(alice, model)
    quote = send_by_page(pages_of(bob), model)
    pages_of(bob).post(f"{quote.url}start/", {"idempotency_key": "file-1"})

    over_the_api = send_by_api(api_as(bob), model)
    page = pages_of(bob).get(files).content.decode()

    assert over_the_api.status_code == 202
    assert page.count('class="job"') == 2 and str(mine.uuid) not in page
    assert pages_of(alice).get(files).content.decode().count('class="job"') == 1
    assert pages_of(alice).get(quote.url).status_code == 404
    assert send_by_page(pages_of(charlie), model).status_code == 404
    assert send_by_api(api_as(charlie), model).status_code == 404
    assert (balance(alice), balance(bob)) == (10, 5)
    assert verify_ledger() == []


def test_a_file_that_was_paid_before_the_share_is_revoked_is_finished(model, share, bob, pages_of):
    paid, quoted = start_batch(bob, model), quote_file(bob, model)
    model.shares.revoke()

    refused = pages_of(bob).post(f"/batches/{quoted.uuid}/start/", {"idempotency_key": "file-1"})
    predict_now(paid)
    page = pages_of(bob).get(f"/batches/{paid.uuid}/").content.decode()
    removed = pages_of(bob).post(f"/batches/{paid.uuid}/delete/")

    assert "no longer shared with you" in refused.content.decode()
    assert "Download CSV" in page and f"/models/{model.name}/" not in page
    assert removed.url == "/models/"
    assert pages_of(bob).get(f"/models/{model.name}/files/").status_code == 404
    assert balance(bob) == 10
    assert verify_ledger() == []


def test_a_model_is_not_deleted_while_it_predicts_the_file_of_another(model, share, bob):
    start_batch(bob, model)

    with pytest.raises(ModelInUse, match="Wait for it to end"):
        delete_model(model=model)


def test_what_was_asked_of_a_model_that_is_no_longer_shared_is_kept_and_leads_nowhere(
    model, share, bob, pages_of
):
    prediction = predict(owner=bob, model=model, features=ROW)
    assert "Repeat" in pages_of(bob).get("/predictions/").content.decode()
    model.shares.revoke()

    page = pages_of(bob).get("/predictions/").content.decode()

    assert "no longer shared" in page and "Erase" in page
    assert "Repeat" not in page and f"/models/{model.name}/" not in page
    assert pages_of(bob).get(f"/predictions/{prediction.uuid}/").url == "/predictions/"


def test_a_shared_model_that_its_owner_deletes_is_gone_and_paid_answers_stay(model, share, bob, pages_of):
    predict(owner=bob, model=model, features=ROW)

    delete_model(model=model)

    assert pages_of(bob).get(f"/models/{model.name}/").status_code == 404
    assert pages_of(bob).get("/predictions/").status_code == 200
    assert Prediction.objects.owned_by(bob).stored().count() == 1
    assert verify_ledger() == []


def test_an_owner_who_leaves_takes_the_model_along(model, share, alice, bob, pages_of):
    erasure.erase_everything_of(owner=alice)

    assert not ModelShare.objects.exists()
    assert pages_of(bob).get(f"/models/{model.name}/").status_code == 404


def test_for_an_account_that_is_closed_the_share_ends_and_the_owner_sees_no_difference(
    model, share, alice, bob, pages_of, make_user
):
    page = f"/models/{model.name}/share/"
    before = pages_of(alice).get(page).content.decode()

    erasure.erase_everything_of(owner=bob)
    type(bob).objects.filter(pk=bob.pk).update(email="removed-2@removed.invalid", removed_at=timezone.now())
    newcomer = make_user("bob@example.com")

    assert pages_of(newcomer).get(f"/models/{model.name}/").status_code == 404
    assert "bob@example.com" in before and "bob@example.com" in pages_of(alice).get(page).content.decode()


# Who has an account is not told


def test_the_answer_is_the_same_whether_or_not_there_is_an_account(model, alice, bob, pages_of, api_as):
    def share_with(email):
        with CaptureQueriesContext(connection) as queries:
            page = pages_of(alice).post(f"/models/{model.name}/share/account/", {"email": email}, follow=True)
        number = len(queries)
        body = api_as(alice).post(f"/api/v1/models/{model.name}/shares", {"email": email}).json()
        words = re.sub(r"csrf\S+ value=\S+|[0-9a-f]{8}-[0-9a-f-]{27}", "", page.content.decode())
        words = re.sub(r'"X-CSRFToken": "\w+"|datetime="\S+" title="[^"]+"', "", words)
        model.shares.all().delete()
        return words.replace(email, "ADDRESS"), set(body), number

    known, unknown = share_with("bob@example.com"), share_with("bab@example.com")

    assert known == unknown
    assert known[2] > 5
    assert "If ADDRESS has an account, it can use this model now." in known[0]
    assert {message.to[0] for message in mail.outbox} == {"bob@example.com"}
    assert f"{SITE}models/{model.name}/" in mail.outbox[0].body


def test_who_signs_up_later_gets_nothing_until_the_owner_shares_again(model, make_user, pages_of):
    share_model(model=model, email="dora@example.com", site_url=SITE)
    dora = make_user("dora@example.com")
    before = pages_of(dora).get(f"/models/{model.name}/").status_code

    share_model(model=model, email="dora@example.com", site_url=SITE)

    assert (before, pages_of(dora).get(f"/models/{model.name}/").status_code) == (404, 200)
    assert model.shares.count() == 1


@pytest.mark.parametrize("email", ["", "nobody", "alice@example.com", "Alice@Example.com"])
def test_what_is_no_other_address_is_refused(model, alice, pages_of, api_as, email):
    page = pages_of(alice).post(f"/models/{model.name}/share/account/", {"email": email})
    answer = api_as(alice).post(f"/api/v1/models/{model.name}/shares", {"email": email})

    assert (page.status_code, answer.status_code) == (422, 400)
    assert list(answer.json()["fields"]) == ["email"]
    assert not ModelShare.objects.exists()


def test_shares_are_limited(model, monkeypatch, alice, api_as):
    client, url = api_as(alice), f"/api/v1/models/{model.name}/shares"
    monkeypatch.setattr("mlmodels.operations.sharing.SHARES_PER_DAY_MAX", 3)
    for number in range(3):
        assert client.post(url, {"email": f"friend{number}@example.com"}).status_code == 201
    model.shares.revoke()

    assert client.post(url, {"email": "friend4@example.com"}).status_code == 429
    monkeypatch.setattr("mlmodels.operations.sharing.SHARES_MAX", 0)
    assert client.post(url, {"email": "friend4@example.com"}).status_code == 409


# The hot path


def test_the_owners_path_is_one_statement_and_so_is_that_of_others(
    model, share, alice, bob, charlie, django_assert_num_queries
):
    for user, found in ((alice, True), (bob, True), (charlie, False)):
        with django_assert_num_queries(1):
            assert bool(TrainedModel.objects.find_for_scoring(user, model.name)) == found


# The report, by a link


@pytest.fixture
def link(alice, model, pages_of):
    """The URL as the page shows it, once."""
    page = pages_of(alice).post(f"/models/{model.name}/share/link/", {"expires_at": 30}).content.decode()
    return re.search(r"http://testserver(/reports/[\w-]{43}/)", page)[1]


def test_the_link_opens_the_report_without_an_account(link, model):
    answer = Client().get(link)

    page = answer.content.decode()
    assert answer.status_code == 200
    assert "<h1>houses</h1>" in page and "Guessing" in page and "matters most" in page
    assert answer["X-Robots-Tag"] == "noindex, nofollow"
    assert '<meta name="robots" content="noindex, nofollow">' in page
    assert answer["Cache-Control"] == "no-store"


def test_it_shows_no_rows_no_form_and_no_way_to_predict(link, model, alice):
    page = Client().get(link).content.decode()

    assert model.report["largest_misses"]
    assert "Largest errors" not in page
    assert "<form" not in page and "predict/" not in page
    assert alice.email not in page and model.dataset.name not in page.replace("houses", "", 10)


def test_of_the_link_only_a_hash_is_kept_and_it_is_shown_once(link, model, alice, pages_of):
    token = link.split("/")[2]

    stored = ReportLink.objects.get()
    assert token not in " ".join(str(value) for value in vars(stored).values())
    assert token not in pages_of(alice).get(f"/models/{model.name}/share/").content.decode()


def test_no_link_is_logged(link, capfd):
    Client().get(link)

    assert link.split("/")[2] not in capfd.readouterr().out


@pytest.mark.parametrize("by", ["page", "api"])
def test_a_revoked_link_is_closed(link, model, alice, pages_of, api_as, by):
    uuid = ReportLink.objects.get().uuid
    if by == "page":
        pages_of(alice).post(f"/models/{model.name}/share/link/{uuid}/revoke/")
    else:
        api_as(alice).delete(f"/api/v1/models/{model.name}/report-links/{uuid}")

    assert Client().get(link).status_code == 404


def test_the_day_a_link_expires_is_written_for_its_reader(link, model, alice, pages_of):
    expires_at = ReportLink.objects.get().expires_at
    url = f"/models/{model.name}/share/"

    page = pages_of(alice).get(url, headers={"accept-language": "de"}).content.decode()

    assert f"{expires_at:%d.%m.%Y}" in page


def test_a_link_expires(link, time_machine):
    time_machine.move_to(timezone.now() + timedelta(days=31))

    assert Client().get(link).status_code == 404


def test_a_link_ends_with_its_model(link, model):
    delete_model(model=model)

    assert Client().get(link).status_code == 404


def test_a_link_is_made_and_listed_over_the_api(model, alice, api_as):
    client, url = api_as(alice), f"/api/v1/models/{model.name}/report-links"

    made = client.post(url, {"expires_at": (timezone.now() + timedelta(days=1)).isoformat()})
    listed = client.get(url).json()["results"]
    past = client.post(url, {"expires_at": "2020-01-01T00:00:00Z"})

    assert made.status_code == 201
    assert Client().get(made.json()["url"]).status_code == 200
    assert [one["id"] for one in listed] == [made.json()["id"]]
    assert "url" not in listed[0]
    assert (past.status_code, list(past.json()["fields"])) == (400, ["expires_at"])


def test_links_are_limited(model, monkeypatch, alice, api_as):
    monkeypatch.setattr("mlmodels.operations.sharing.REPORT_LINKS_MAX", 1)
    create_report_link(model=model)

    assert api_as(alice).post(f"/api/v1/models/{model.name}/report-links", {}).status_code == 409


def test_staff_read_shares_and_links_without_the_hash(admin_user, share, model, pages_of):
    link, _ = create_report_link(model=model)
    client = pages_of(admin_user)

    pages = [
        client.get("/admin/mlmodels/modelshare/"),
        client.get(f"/admin/mlmodels/modelshare/{share.pk}/change/"),
        client.get("/admin/mlmodels/reportlink/"),
        client.get(f"/admin/mlmodels/reportlink/{link.pk}/change/"),
    ]

    assert [page.status_code for page in pages] == [200] * 4
    assert not any(link.hash in page.content.decode() for page in pages)


def test_the_list_of_models_costs_the_same_queries_for_more_shared_ones(
    bob, alice, share, pages_of, make_user
):
    client = pages_of(bob)

    def queries():
        with CaptureQueriesContext(connection) as asked:
            client.get("/models/")
        return len(asked)

    before = queries()
    for number in range(3):
        owner = make_user(f"owner{number}@example.com")
        share_model(model=make_model_row(owner, name=f"x_{number}"), email=bob.email, site_url=SITE)

    assert queries() == before
