"""Input that is refused costs nothing, leaves nothing, and says what to do."""

import gzip
import io
import json
import zipfile
from dataclasses import dataclass, field

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile

from mlmodels.tests.factories import make_dataset

pytestmark = pytest.mark.django_db

ROWS = [f"{40 + n},{1 + n % 4},{'Bonn' if n % 2 else 'Kiel'},{1000 * (40 + n)}" for n in range(60)]
HEADER = "size,rooms,city,price"


def table(*lines, encoding="utf-8"):
    return "\n".join(lines).encode(encoding)


def xlsx():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return content.getvalue()


FLATS = table(HEADER, *ROWS)
ROW = {"size": 70, "rooms": 2, "city": "Kiel"}


@dataclass
class Refused:
    """One request that is refused: `words` stand in the detail."""

    name: str
    path: str
    body: object
    words: str
    status: int = 400
    headers: dict = field(default_factory=dict)

    def send(self, client, **names):
        raw = {"content_type": "application/json"} if isinstance(self.body, bytes) else {}
        form = {} if raw else {"format": "multipart" if self.path == "/api/create" else "json"}
        return client.post(self.path.format(**names), self.body, headers=self.headers, **raw, **form)


def create(name, words, status=400, headers=None, without=None, **changes):
    body = {
        "model_type": "linear",
        "feature_cols": '["size", "rooms", "city"]',
        "label_col": "price",
        "csv_file": FLATS,
    } | changes
    if isinstance(body["csv_file"], bytes):
        body["csv_file"] = SimpleUploadedFile("flats.csv", body["csv_file"], content_type="text/csv")
    body.pop(without, None)
    return Refused(f"create: {name}", "/api/create", body, words, status, headers or {})


def predict(name, words, body, status=400, headers=None, model="{flats}"):
    return Refused(f"predict: {name}", f"/api/predict/{model}", body, words, status, headers or {})


def search(name, words, status=400, **body):
    return Refused(f"train: {name}", "/api/train", body, words, status)


FILES = [
    create("an empty file", "empty", csv_file=b""),
    create("nothing but blanks", "", csv_file=b"\n\n  \n"),
    create("a header alone", "row", csv_file=table(HEADER)),
    create("a single row", "values", csv_file=table(HEADER, ROWS[0])),
    create("too few rows to split", "row", csv_file=table(HEADER, *ROWS[:2])),
    create("a column twice", "size", csv_file=table("size,size,city,price", *ROWS)),
    create("a column without a name", "name", csv_file=table("size,,city,price", *ROWS)),
    create("a name that is too long", "characters", csv_file=table("s" * 300 + ",rooms,city,price", *ROWS)),
    create("too many columns", "1,000", csv_file=table(",".join(f"c{n}" for n in range(1001)), *ROWS)),
    create("a cell too many", "row 4", csv_file=table(HEADER, *ROWS[:2], ROWS[2] + ",extra", *ROWS[3:])),
    create("a quote that never ends", "quot", csv_file=table(HEADER, *ROWS, '40,"2,Bonn,1')),
    create("a picture", "", csv_file=b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20),
    create("a spreadsheet", "CSV", csv_file=xlsx()),
    create("a compressed file", "", csv_file=gzip.compress(FLATS)),
    create("a PDF", "", csv_file=b"%PDF-1.7\n" + bytes(range(256)) * 20),
    create("half a UTF-16 file", "", csv_file=b"\xff\xfe" + FLATS.decode().encode("utf-16-le")[:-1]),
    create("NUL in the middle", "", csv_file=FLATS.replace(b"Bonn", b"Bo\x00n")),
    create("a web page", "HTML", csv_file=b"<html><body>Not found</body></html>\n" * 9),
    create("JSON for a table", "CSV", csv_file=json.dumps([{"size": 1, "price": 2}] * 9).encode()),
    create("no value to learn from", "price", csv_file=table(HEADER, *[f"{n},1,Bonn," for n in range(50)])),
    create("a constant to predict", "price", csv_file=table(HEADER, *[f"{n},1,Bonn,5" for n in range(50)])),
    create("words to predict by regression", "classification", label_col="city", feature_cols="size,rooms"),
    create(
        "more classes than allowed",
        "100",
        model_type="logistic",
        label_col="city",
        feature_cols="size,rooms",
        csv_file=table(HEADER, *[f"{n},{n % 7},town {n % 150},5" for n in range(600)]),
    ),
]

HALF = r'"\ud800"'  # JSON can write half of a surrogate pair

ORDERS = [
    create("half a character in a column", "feature_cols", feature_cols=f'["size", {HALF}]'),
    create("half a character twice", "feature_cols", feature_cols=f"[{HALF}, {HALF}]"),
    create("NUL in a column", "feature_cols", feature_cols=r'["size", "\u0000"]'),
    create("half a character in a parameter", "optional_params", optional_params=f'{{"alpha": {HALF}}}'),
    create("half a character in a list", "optional_params", optional_params=f'{{"alpha": [[{HALF}]]}}'),
    create("half a character for a name", "optional_params", optional_params=f"{{{HALF}: 1}}"),
    create("NUL in the column to predict", "label_col", label_col="pri\0ce"),
    create("NUL in the name of the model", "model_filename", model_filename="a\0b"),
    create("no algorithm", "model_type", without="model_type"),
    create("an unknown algorithm", "random_forest", model_type="oracle"),
    create("a blank algorithm", "model_type", model_type=""),
    create("no columns", "feature_cols", without="feature_cols"),
    create("blank columns", "at least one column", feature_cols=" , "),
    create("an empty list of columns", "at least one column", feature_cols="[]"),
    create("numbers for columns", "feature_cols", feature_cols="[1, 2]"),
    create("half a list of columns", "feature_cols", feature_cols='["size"'),
    create("an object for columns", "feature_cols", feature_cols='[{"size": 1}]'),
    create("columns nested without end", "feature_cols", feature_cols="[" * 5000),
    create("an unknown column", "garden", feature_cols="size,garden"),
    create("a column named twice", "size", feature_cols="size,rooms,size"),
    create("the target among the columns", "price", feature_cols="size,price"),
    create("too many columns named", "1000", feature_cols=",".join(f"c{n}" for n in range(1001))),
    create("no target", "label_col", without="label_col"),
    create("a blank target", "label_col", label_col=" "),
    create("an unknown target", "prize", label_col="prize"),
    create("NUL in the target", "label_col", label_col="pri\x00ce"),
    create("nothing to train on", "between 0 and 1", train_percentage="0"),
    create("everything to train on", "between 0 and 1", train_percentage="1"),
    create("a negative share", "between 0 and 1", train_percentage="-0.2"),
    create("percent for a share", "between 0 and 1", train_percentage="80"),
    create("a word for a share", "number", train_percentage="most"),
    create("NaN for a share", "train_percentage", train_percentage="nan"),
    create("a share that leaves nothing", "row", train_percentage="0.001"),
    create("no file", "csv_file", without="csv_file"),
    create("text for a file", "file", csv_file="size,price"),
    create("parameters that are not JSON", "optional_params", optional_params="fit_intercept=True"),
    create("a list of parameters", "optional_params", optional_params="[1]"),
    create("NaN in the parameters", "optional_params", optional_params='{"fit_intercept": NaN}'),
    create("parameters nested without end", "optional_params", optional_params='{"a":' * 2000),
    create("an unknown parameter", "magic", optional_params='{"magic": 1}'),
    create("a parameter of another type", "fit_intercept", optional_params='{"fit_intercept": "maybe"}'),
    create("too many trees", "500", model_type="random_forest", optional_params='{"n_estimators": 1000000}'),
    create("a negative depth", "max_depth", model_type="decision_tree", optional_params='{"max_depth": -1}'),
    create("all processors", "n_jobs", model_type="random_forest", optional_params='{"n_jobs": -1}'),
    create(
        "more neighbours than rows", "n_neighbors", model_type="knn", optional_params='{"n_neighbors": 90}'
    ),
    create("a model name that is too long", "characters", model_filename="n" * 150),
    create("a name that is taken", "Choose another", status=409, model_filename="flats"),
    create("a file that is too large", "MB", status=413, csv_file=FLATS * 80),
    create("a key that is too long", "Idempotency-Key", headers={"Idempotency-Key": "k" * 256}),
]

ROWS_TO_PREDICT = [
    predict("no features", "features", {}),
    predict("features of null", "features", {"features": None}),
    predict("a list of features", "features", {"features": [70, 2, "Kiel"]}),
    predict("a text of features", "features", {"features": "size=70"}),
    predict("an empty row", "rooms", {"features": {}}),
    predict("a missing feature", "rooms", {"features": {"size": 70, "city": "Kiel"}}),
    predict("a word for a number", "size", {"features": ROW | {"size": "large"}}),
    predict("a list for a number", "size", {"features": ROW | {"size": [70]}}),
    predict("an object for a category", "city", {"features": ROW | {"city": {"name": "Kiel"}}}),
    predict("NaN", "NaN", b'{"features": {"size": NaN, "rooms": 2, "city": "Kiel"}}'),
    predict("Infinity", "Infinity", b'{"features": {"size": Infinity, "rooms": 2, "city": "Kiel"}}'),
    predict("a number beyond all numbers", "too large", b'{"features": {"size": 1e999}}'),
    predict("a number of 5000 digits", "digits", b'{"features": {"size": ' + b"9" * 5000 + b"}}"),
    predict("an overflow", "too large", {"features": ROW | {"size": 1e308}}),
    predict("NUL in a text", "NUL", b'{"features": {"city": "a\\u0000b"}}'),
    predict("half a character", "surrogate", b'{"features": {"city": "\\ud800"}}'),
    predict("bytes that are not UTF-8", "UTF-8", b'{"features": {"city": "\xff"}}'),
    predict("no JSON at all", "JSON", b"size=70"),
    predict("half of some JSON", "JSON", b'{"features": {"size": 70'),
    predict("a list for a body", "", b"[1, 2]"),
    predict("an empty body", "", b""),
    predict("a body nested without end", "", b'{"features": ' + b"[" * 5000 + b"]" * 5000 + b"}"),
    predict("a body of a megabyte", "larger", b'{"x": "' + b"x" * 1_000_001 + b'"}', status=413),
    predict("an unknown model", "no model", {"features": ROW}, status=404, model="nothing"),
    predict("a blank key", "Idempotency-Key", {"features": ROW}, headers={"Idempotency-Key": ""}),
]

SEARCHES = [
    search("no algorithm", "algorithm"),
    search("an unknown algorithm", "decision_tree", algorithm="oracle"),
    search("a list of parameters", "params", algorithm="decision_tree", params=[1]),
    search("an unknown parameter", "magic", algorithm="decision_tree", params={"magic": [1]}),
    search("a value out of range", "max_depth", algorithm="decision_tree", params={"max_depth": [0]}),
    search("a word for a number", "max_depth", algorithm="decision_tree", params={"max_depth": ["deep"]}),
    search("no values to try", "max_depth", algorithm="decision_tree", params={"max_depth": []}),
    search("the same value twice", "twice", algorithm="decision_tree", params={"max_depth": [2, 2]}),
    search(
        "a parameter that is closed", "random_state", algorithm="decision_tree", params={"random_state": [1]}
    ),
    search("two grids", "not both", algorithm="knn", params={}, param_grid={}),
    search(
        "too many combinations",
        "200",
        algorithm="decision_tree",
        params={"max_depth": list(range(1, 30)), "min_samples_leaf": [1, 2, 3]},
    ),
    search("an unknown dataset", "dataset", algorithm="knn", dataset="nothing"),
    search("an unknown target", "colour", algorithm="knn", target="colour"),
    Refused("last model: before a search", "/api/predict", {"input": [1, 2]}, "/api/train"),
    Refused("last model: neither input nor features", "/api/predict", {}, "input"),
    Refused("last model: both", "/api/predict", {"input": [1], "features": {}}, "either"),
]

CASES = [*FILES, *ORDERS, *ROWS_TO_PREDICT, *SEARCHES]


def everything(folder):
    """How many rows each table has, and every file."""
    rows = {model._meta.label: model._default_manager.count() for model in apps.get_models()}
    return rows, sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "case",
    [
        create("a training", "costs 1 token and you have 0", status=402),
        search("a search", "costs 1 token and you have 0", status=402, algorithm="knn"),
        predict("a prediction", "costs 5 tokens and you have 0", {"features": ROW}, status=402),
    ],
    ids=lambda case: case.name,
)
def test_whoever_is_broke_is_refused_and_nothing_is_written(
    case, charlie, api_as, make_model, files_folder, django_capture_on_commit_callbacks
):
    flats = make_model(charlie, make_dataset(charlie, FLATS[:-20] + b"\n"))
    before = everything(files_folder)

    with django_capture_on_commit_callbacks(execute=True):
        answer = case.send(api_as(charlie), flats=flats.name)

    assert answer.status_code == case.status
    assert case.words in answer.json()["detail"]
    assert everything(files_folder) == before
    charlie.refresh_from_db()
    assert charlie.token_balance == 0 and not charlie.ledger_entries.exists()


def test_the_catalogue_is_long_enough():
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_refused_input_costs_nothing_leaves_nothing_and_is_explained(
    case, alice, api_as, make_model, files_folder, settings, django_capture_on_commit_callbacks
):
    dataset = make_dataset(alice, FLATS)
    flats = make_model(alice, dataset, model_name="flats", features=["size", "rooms", "city"])
    settings.MAX_UPLOAD_MB = 0.05
    before = everything(files_folder)

    with django_capture_on_commit_callbacks(execute=True):
        answer = case.send(api_as(alice), flats=flats.name)

    body = answer.json()
    assert answer.status_code == case.status, body
    assert set(body) == {"detail", "code", "fields"}
    assert case.words.lower() in body["detail"].lower()
    assert 15 <= len(body["detail"]) <= 2000
    alice.refresh_from_db()
    assert alice.token_balance == 15
    assert everything(files_folder) == before
