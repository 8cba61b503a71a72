"""What can be taken from the page of a model, and free variations of a paid answer."""

import re

import pytest
from django.urls import reverse

from mlmodels.model_card import as_markdown
from mlmodels.models import Prediction

pytestmark = pytest.mark.django_db

HOUSE = {"column-0": "100", "column-1": "2", "column-2": "city", "idempotency_key": "k"}


@pytest.fixture
def model(alice, make_model):
    return make_model(alice)


@pytest.fixture
def browser(pages_of, alice):
    return pages_of(alice)


def url(name, model, *more):
    return reverse(f"mlmodels:{name}", args=[model.name, *more])


def paid_answer(browser, model):
    browser.post(url("predict", model), HOUSE)
    return Prediction.objects.get()


def text_of(answer):
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_the_card_names_the_groups_on_which_a_model_is_weak(model):
    band = {"column": "size", "value": None, "low": 21, "high": 67, "rows": 45, "is_share": True}
    model.report["weak_groups"] = [{**band, "error": 0.07, "error_of_all": 0.04}]

    assert "| size | 21 to 67 | 45 | 7% | 4% |" in as_markdown(model)


def test_the_details_lead_to_the_card_and_the_files(browser, model):
    page = browser.get(url("model-details", model)).content.decode()

    for link in (
        url("model-card", model),
        url("model-file", model, "bundle"),
        url("model-file", model, "onnx"),
    ):
        assert f'href="{link}"' in page


def test_the_card_is_a_page_and_two_files(browser, model):
    page = browser.get(url("model-card", model))
    html = browser.get(url("model-card-file", model, "html"))
    markdown = browser.get(url("model-card-file", model, "md"))

    for answer in (page, html):
        assert "Predicts price (a number) from 3 columns" in text_of(answer)
    assert markdown.content.decode().startswith("# ")
    assert "attachment" in markdown["Content-Disposition"] and "attachment" in html["Content-Disposition"]
    assert browser.get(url("model-card-file", model, "exe")).status_code == 404


def test_the_file_of_a_model_is_downloaded(browser, model):
    data = b"".join(browser.get(url("model-file", model, "joblib")).streaming_content)

    assert len(data) == model.size_bytes


def test_a_format_that_would_predict_something_else_is_refused_in_words(browser, alice, make_model):
    answer = browser.get(url("model-file", make_model(alice, algorithm="gradient_boosting"), "onnx"))

    assert answer.status_code == 422
    assert "ONNX would not predict the same" in text_of(answer)


@pytest.mark.parametrize("name", ["model-card", "model-card-file", "model-file"])
def test_nobody_takes_the_model_of_another(pages_of, bob, model, name):
    more = ["md"] if name == "model-card-file" else ["joblib"] if name == "model-file" else []

    assert pages_of(bob).get(url(name, model, *more)).status_code == 404


def test_a_variation_of_a_paid_row_is_free_and_says_its_difference(browser, alice, model):
    paid = paid_answer(browser, model)
    alice.refresh_from_db()
    before = alice.token_balance

    page = browser.post(url("vary", model, paid.uuid), {**HOUSE, "column-0": "110"})

    alice.refresh_from_db()
    assert "10,000 more than the answer you paid for" in text_of(page)
    assert (alice.token_balance, Prediction.objects.count()) == (before, 1)


def test_variations_are_offered_while_they_are_free(browser, model):
    paid = paid_answer(browser, model)
    during = browser.get(url("model", model))
    Prediction.objects.update(variations=1000)
    afterwards = browser.get(url("model", model))

    assert url("vary", model, paid.uuid) in during.content.decode()
    assert url("vary", model, paid.uuid) not in afterwards.content.decode()


def test_when_variations_are_used_up_the_form_says_so(browser, model):
    paid = paid_answer(browser, model)
    Prediction.objects.update(variations=1000)

    page = browser.post(url("vary", model, paid.uuid), HOUSE)

    assert page.status_code == 422
    assert "free for 10 minutes" in text_of(page)
