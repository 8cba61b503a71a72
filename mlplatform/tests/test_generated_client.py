"""A client that openapi-python-client makes from the schema does the whole job, and with one more key."""

import importlib
import json
import subprocess
import sys
from io import BytesIO

import httpx
import pytest
from attrs import evolve

from mlmodels.models import TrainingRun
from mlmodels.tests.factories import houses_csv, work_off
from mlmodels.tests.quick import train_now
from mlplatform.core import outbound
from mlplatform.tests.described import DescribedClient, openapi
from mlplatform.tests.processes import PATIENCE_SECONDS

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_only]  # the database is not what it meets

NAME, PASSWORD = "generated_client", "a long pass phrase 17"
ROW = {"size": 70, "rooms": 2, "place": "city"}


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """Generated once; a warning of the generator is an error, since it leaves something out."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "schema.json").write_text(json.dumps(openapi(), default=str))
    (folder / "config.yaml").write_text("post_hooks: []\n")
    generate = [sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning"]
    files = ["--path", "schema.json", "--config", "config.yaml", "--meta", "none", "--output-path", NAME]
    made = subprocess.run(
        [*generate, *files], cwd=folder, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    assert made.returncode == 0, made.stdout + made.stderr
    sys.path.insert(0, str(folder))
    yield importlib.import_module(NAME)
    sys.path.remove(str(folder))


class InThisProcess(httpx.BaseTransport):
    """Requests without a server, in the transaction of the test."""

    def handle_request(self, request):
        headers = {name: value for name, value in request.headers.items() if name != "content-type"}
        answer = DescribedClient().generic(
            request.method,
            request.url.raw_path.decode(),
            request.read(),
            content_type=request.headers.get("content-type", ""),
            headers=headers,
        )
        return httpx.Response(answer.status_code, headers=answer.headers.items(), content=answer.getvalue())


class Calls:
    """`calls.models.list_models(…)`: an operation of the client, of which nothing but success is expected."""

    def __init__(self, package, **credentials):
        options = {"base_url": "http://testserver", "raise_on_unexpected_status": True}
        options |= {"httpx_args": {"transport": InThisProcess()}}
        kind = package.AuthenticatedClient if credentials else package.Client
        self.client, self.package = kind(**options, **credentials), package

    def __call__(self, tag, operation, *arguments, **options):
        call = importlib.import_module(f"{self.package.__name__}.api.{tag}.{operation}")
        response = call.sync_detailed(*arguments, client=self.client, **options)
        assert response.status_code < 400, response.content
        return response.parsed


@pytest.fixture
def types(package):
    return importlib.import_module(f"{NAME}.models")


@pytest.fixture
def calls(package, types):
    """Signed up, logged in, and from then on with a key."""
    visitor = Calls(package)
    email = "ada@example.com"
    visitor("classic", "classic_sign_up", body=types.SignUpRequest(email=email, pwd=PASSWORD))
    body = types.CredentialsRequest(email=email, password=PASSWORD)
    pair = visitor("accounts", "obtain_tokens", body=body)
    body = types.KeyRequest(name="script", scope=types.ScopeEnum.ALL)
    key = Calls(package, token=pair.access)("accounts", "create_key", body=body)
    return Calls(package, token=key.key)


@pytest.fixture
def dataset(calls, types):
    return calls("datasets", "upload_dataset", body=upload(types.UploadRequest))


@pytest.fixture
def model(calls, types, dataset):
    body = types.TrainingOptionsRequest(
        dataset=dataset.id, target="price", algorithm=types.AlgorithmEnum.LINEAR
    )
    return trained(calls, types, calls("runs", "start_run", body=body))


def trained(calls, types, run):
    train_now(TrainingRun.objects.get(uuid=run.id))
    done = calls("runs", "get_run", run.id, prefer="wait=5")
    assert done.status == types.RunStatusEnum.SUCCEEDED
    return calls("models", "get_model", done.model_name)


def upload(kind, content=None):
    file = importlib.import_module(f"{NAME}.types").File
    return kind(file=file(BytesIO(content or houses_csv()), "houses.csv", "text/csv"))


def row_of(types, **values):
    return types.Row.from_dict({**ROW, **values})


def test_a_dataset_is_uploaded_and_described(calls, types, dataset):
    [size, *_] = dataset.columns

    assert (size.name, size.kind) == ("size", types.ColumnKindEnum.NUMBER)
    assert size.profile.maximum == 136 and size.profile.histogram.counts
    assert dataset.target_guess.name == "price"


def test_a_model_is_read_with_types(calls, types, model):
    assert model.metrics["r2_score"] > 0.99
    assert model.verdict.grade == types.GradeEnum.EXCELLENT
    assert model.report.evaluation.training_rows == 48
    assert [listed.name for listed in calls("models", "list_models").results] == [model.name]
    assert set(calls("models", "get_row_schema", model.name).to_dict()["properties"]) == set(ROW)


def test_one_row_and_many_are_predicted_and_explained(calls, types, model):
    [one] = calls(
        "predictions", "predict_rows", model.name, body=types.RowsRequest(features=row_of(types))
    ).predictions
    explained = calls(
        "predictions", "explain_row", model.name, body=types.RowToExplainRequest(features=row_of(types))
    )

    assert one.interval.low < one.prediction < one.interval.high
    assert explained.base + sum(explained.contributions.to_dict().values()) == pytest.approx(one.prediction)
    assert calls("predictions", "get_prediction", one.id).output.prediction == one.prediction
    assert calls("accounts", "get_account").balance == 15 - 1 - 5 - 5
    assert [entry.amount for entry in calls("accounts", "list_ledger").results] == [-5, -5, -1, 15]


def test_the_same_key_of_a_request_is_charged_once(calls, types, model):
    for _ in range(2):
        body = types.RowsRequest(rows=[row_of(types), row_of(types, size=80)])
        answers = calls("predictions", "predict_rows", model.name, body=body, idempotency_key="rows-1")

    assert len(answers.predictions) == 2
    assert calls("accounts", "get_account").balance == 15 - 1 - 10


def test_a_model_is_downloaded(calls, types, model):
    file = calls("models", "download_model", model.name, format_=types.DownloadModelFormat.JOBLIB)

    assert len(file.payload.read()) > 1000


def test_a_file_is_priced_predicted_and_downloaded(calls, types, model):
    body = upload(types.BatchUploadRequest, houses_csv(30))
    quote = calls("batches", "predict_file", model.name, body=evolve(body, dry_run=True))
    batch = calls("batches", "predict_file", model.name, body=body, idempotency_key="file-1")
    work_off()

    done = calls("batches", "get_batch", batch.id, prefer="wait=5")
    answer = calls("batches", "get_batch_result", batch.id).splitlines()

    assert quote.cost_tokens == done.cost_tokens == 5 and quote.rows == 30
    assert (done.status, done.rows_done) == (types.RunStatusEnum.SUCCEEDED, 30)
    assert answer[0].startswith("size,rooms,place,price,prediction") and len(answer) == 31
    assert [listed.id for listed in calls("batches", "list_batches").results] == [batch.id]
    assert calls("accounts", "get_account").balance == 15 - 1 - 5
    calls("batches", "delete_batch", batch.id)


def test_a_newer_file_trains_a_model_that_takes_the_place_of_the_earlier_one(calls, types, model, dataset):
    newer = calls(
        "datasets", "add_dataset_version", dataset.id, body=upload(types.FileRequest, houses_csv(90))
    )
    run = calls("runs", "retrain_model", model.name, body=types.RetrainRequest())
    again = trained(calls, types, run)
    promoted = calls("models", "promote_model", again.name, model.name)

    assert newer.rows == 90 and len(calls("datasets", "list_dataset_versions", dataset.id)) == 2
    assert (run.dataset, run.repeats) == (newer.id, model.name)
    assert calls("models", "get_model_monitoring", again.name).drift.trained_on == 90
    assert (promoted.name, promoted.model) == (model.name, again.name)
    assert [line.model_name for line in promoted.history] == [again.name, f"{model.name}_v1"]
    assert calls("models", "get_model", model.name).id == again.id
    [row] = calls(
        "predictions", "predict_rows", model.name, body=types.RowsRequest(features=row_of(types))
    ).predictions
    assert calls("predictions", "get_prediction", row.id).model_name == again.name


def test_what_came_in_the_end_is_recorded_and_compared(calls, types, model):
    body = types.RowsRequest(rows=[row_of(types), row_of(types, size=80)])
    for answer in calls("predictions", "predict_rows", model.name, body=body).predictions:
        said = calls(
            "predictions", "record_actual", answer.id, body=types.ActualRequest(value=answer.prediction + 1)
        )
        assert said.actual == pytest.approx(answer.prediction + 1)

    live = calls("models", "get_model_monitoring", model.name).actuals

    assert (live.actuals, live.measure) == (2, "mean_absolute_error")
    assert live.live == pytest.approx(1)


def test_a_key_is_listed_and_revoked(calls, types):
    [key] = calls("accounts", "list_keys").results

    calls("accounts", "revoke_key", key.id)

    assert (key.name, key.scope) == ("script", types.ScopeEnum.ALL)
    with pytest.raises(AssertionError, match="key_revoked"):
        calls("accounts", "list_keys")


def test_a_webhook_is_told_that_a_run_has_ended(calls, types, dataset, monkeypatch):
    monkeypatch.setattr(outbound, "resolve", lambda host, port: ["8.8.8.8"])
    body = types.WebhookRequest(url="https://hooks.example.com/ml", events=[types.EventsEnum.RUN_ENDED])
    webhook = calls("webhooks", "create_webhook", body=body)
    run = calls("runs", "start_run", body=types.TrainingOptionsRequest(dataset=dataset.id))
    calls("runs", "cancel_run", run.id)

    [delivery] = calls("webhooks", "list_webhook_deliveries", webhook.id).results

    assert webhook.secret.startswith("whsec_")
    assert (delivery.event, delivery.reference) == (types.EventEnum.RUN_ENDED, f"run:{run.id}")
    assert calls("webhooks", "test_webhook", webhook.id).event == types.EventEnum.TEST
    calls("webhooks", "delete_webhook", webhook.id)
    assert calls("webhooks", "list_webhooks").count == 0


def test_a_search_of_the_classic_service_is_answered_with_types(calls, types, trains_at_once):
    body = types.SearchRequest.from_dict({"algorithm": "knn", "params": {"n_neighbors": [3]}})
    found = calls("classic", "classic_search", body=body)

    assert found.best_params.to_dict() == found.best_params_.to_dict() == {"n_neighbors": 3}
