"""The pages of whole files: send one, see its price, start it, watch it, download the answer, remove it."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.verify import verify_ledger
from mlmodels.models import Batch
from mlmodels.operations import jobs
from mlmodels.tests.factories import quote_file, start_batch
from mlmodels.tests.new_rows import NEW, send_by_page
from mlmodels.tests.quick import predict_now

pytestmark = pytest.mark.django_db


@pytest.fixture
def model(alice, make_model):
    return make_model(alice)


def test_from_the_file_to_its_answer(alice, model, pages_of):
    client = pages_of(alice)

    quote = client.get(send_by_page(client, model).url)
    text = quote.content.decode()
    assert "Predict 2 rows" in text and "10 of 15" in text
    assert "ca. 90" in text and "read as <code>size</code>" in text
    alice.refresh_from_db()
    assert alice.token_balance == 15

    form = {"idempotency_key": quote.context["idempotency_key"]}
    start = f"/batches/{Batch.objects.get().uuid}/start/"
    page = client.post(start, form, follow=True)
    assert client.post(start, form).status_code == 302
    assert "Next in the queue" in page.content.decode()

    batch = predict_now(Batch.objects.get())
    done = client.get(f"/batches/{batch.uuid}/", headers={"HX-Request": "true"}).content.decode()
    assert "Download CSV" in done
    assert "3 rows, 1 could not be read, 1 with warnings" in " ".join(done.split())
    answer = client.get(f"/batches/{batch.uuid}/answer.csv")
    lines = b"".join(answer).decode().splitlines()
    assert answer["Content-Disposition"] == 'attachment; filename="new predicted.csv"'
    assert lines[0] == "Size;rooms;place;agent;prediction;low;high;warnings;reason"
    assert lines[1].startswith("70,5;2;city;Ann;100500,") and lines[2].startswith("ca. 90;2;city;Bob;;;;;")
    alice.refresh_from_db()
    assert (alice.token_balance, alice.ledger_entries.count()) == (10, 2)
    assert verify_ledger() == []


def test_how_long_a_file_is_kept_is_written_for_its_reader(alice, model, pages_of, time_machine):
    time_machine.move_to("2026-03-01T10:00:00Z", tick=False)
    batch = predict_now(start_batch(alice, model))

    page = pages_of(alice).get(f"/batches/{batch.uuid}/", headers={"accept-language": "de"}).content.decode()

    kept_until = f"{batch.kept_until:%d.%m.%Y}"
    assert f'Kept until <span class="nowrap">{kept_until}</span>' in page


def test_all_rows_that_cannot_be_read_are_downloaded_with_their_reasons(alice, model, pages_of):
    client = pages_of(alice)
    rows = [f"{'ca. ' if n % 2 else ''}{n};2;city;=1+{n}" for n in range(60)]
    content = "\n".join(["size;rooms;place;agent", *rows, ""]).encode()

    page = client.get(send_by_page(client, model, content).url)
    batch = Batch.objects.get()
    answer = client.get(f"/batches/{batch.uuid}/unreadable.csv")

    assert "The first 20 of 30." in page.content.decode()
    assert answer["Content-Disposition"] == 'attachment; filename="new unreadable.csv"'
    lines = b"".join(answer).decode().splitlines()
    assert lines[0] == "size;rooms;place;agent;row;reason" and len(lines) == 31
    assert lines[1].startswith("ca. 1;2;city;'=1+1;3;") and '""ca. 1""' in lines[1]


def test_the_start_page_takes_a_file_for_one_of_the_models(alice, bob, make_model, model, pages_of):
    other = make_model(alice, model_name="other", dataset=model.dataset)
    client = pages_of(alice)

    first = client.get("/").content.decode()
    quoted = client.post("/batches/", {"model": model.name, "file": SimpleUploadedFile("new.csv", NEW)})
    after = client.get("/").content.decode()

    assert first.index(f'<option value="{other.name}">') < first.index(f'<option value="{model.name}">')
    assert quoted.url == f"/batches/{Batch.objects.get().uuid}/"
    assert f'<option value="{model.name}" selected>' in after
    foreign = {"model": model.name, "file": SimpleUploadedFile("new.csv", NEW)}
    assert pages_of(bob).post("/batches/", foreign).status_code == 404
    assert "Drop new rows here" not in pages_of(bob).get("/").content.decode()


def test_a_file_of_no_use_is_refused_in_the_drop_zone(alice, model, pages_of):
    client = pages_of(alice)

    with_scripts = send_by_page(client, model, b"size,rooms\n1,2\n", headers={"HX-Request": "true"})
    without = send_by_page(client, model, b"size,rooms\n1,2\n")

    assert with_scripts.status_code == without.status_code == 422
    assert "no column named" in with_scripts.content.decode()
    assert "Your files" in without.content.decode()
    assert not Batch.objects.exists()


def test_who_cannot_pay_reads_so_before_the_click_and_after_it(charlie, make_model, pages_of):
    quoted = quote_file(charlie, make_model(charlie))
    client = pages_of(charlie)

    page = client.get(f"/batches/{quoted.uuid}/").content.decode()
    refused = client.post(f"/batches/{quoted.uuid}/start/")

    assert "You need 5 tokens and have 0." in page
    assert refused.status_code == 422
    assert "5 tokens" in refused.content.decode()
    quoted.refresh_from_db()
    assert quoted.is_quoted and charlie.ledger_entries.count() == 0


def test_a_started_file_is_cancelled_and_removed(alice, model, pages_of):
    batch, client = start_batch(alice, model), pages_of(alice)

    cancelled = client.post(f"/batches/{batch.uuid}/cancel/", follow=True).content.decode()
    removed = client.post(f"/batches/{batch.uuid}/delete/", follow=True).content.decode()

    assert "5 tokens refunded" in cancelled
    assert "new.csv and its result were removed." in removed
    alice.refresh_from_db()
    assert alice.token_balance == 15
    assert Batch.objects.get().erased_at


def test_the_list_of_files_costs_the_same_queries_however_long_it_is(alice, model, pages_of, settings):
    settings.BATCH_TOKEN_COST = 0
    client = pages_of(alice)

    def queries_with(files):
        while Batch.objects.count() < files:
            jobs.cancel(job=start_batch(alice, model))
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/models/{model.name}/files/").content.count(b'class="job"') == files
        return len(queries)

    assert queries_with(1) == queries_with(4)
