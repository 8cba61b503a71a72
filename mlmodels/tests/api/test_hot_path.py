"""A single prediction is what is asked most: it reads no file, and no more of a model than it needs."""

import pytest
from rest_framework.test import APIClient

from mlmodels.learning import tables
from mlmodels.models import TrainedModel
from mlmodels.operations import model_files

pytestmark = pytest.mark.django_db

ROW = {"features": {"size": 70, "rooms": 2, "place": "city"}}


@pytest.fixture
def ask(alice, make_model):
    """Sends a prediction as a client does, with a token. The first has loaded the model."""
    client, path = APIClient(), f"/api/predict/{make_model(alice).name}"
    body = {"username": alice.email, "password": "correct horse battery"}
    token = client.post("/api/request_token", body).json()["token"]

    def send():
        answer = client.post(path, ROW, HTTP_AUTHORIZATION=f"Bearer {token}")
        assert answer.status_code == 200
        return answer

    send()
    return send


def test_a_warm_prediction_opens_no_file_and_reads_no_table(ask, monkeypatch):
    monkeypatch.setattr(model_files, "read_bytes", lambda model: pytest.fail("read the file"))
    monkeypatch.setattr(tables, "read", lambda *arguments: pytest.fail("made a DataFrame"))

    ask()


def test_the_quick_look_up_finds_what_the_orm_finds(alice, bob, make_model):
    model = make_model(alice)

    found = TrainedModel.objects.find_for_scoring(alice, model.name)

    fields = ("uuid", "owner_id", "name", "sha256", "threshold")
    assert found == alice.trained_models.only(*fields).get(name=model.name)
    assert (found.uuid, found.sha256, found.owner_id) == (model.uuid, model.sha256, alice.pk)
    assert found.metrics == model.metrics
    assert TrainedModel.objects.find_for_scoring(bob, model.name) is None
