"""A model leaves one installation as a skops file and comes into another; nothing else comes in."""

import io
import json
import pickle
import subprocess
import zipfile
from pathlib import Path

import joblib
import pytest
import skops.io
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import FunctionTransformer

from billing.verify import verify_ledger
from mlmodels.learning import skops_files
from mlmodels.learning.trainers import TRAINERS
from mlmodels.models import PendingFile, Prediction, TrainedModel
from mlmodels.operations import imports
from mlmodels.operations.aliases import promote
from mlmodels.operations.predictions import predict

pytestmark = pytest.mark.django_db

HOUSE = {"size": 100, "rooms": 2, "place": "city"}


def run(command, *arguments):
    output = io.StringIO()
    call_command(command, *map(str, arguments), stdout=output)
    return output.getvalue().strip()


@pytest.fixture
def exported(tmp_path):
    def export(model):
        return run("export_model", model.name, "--out", tmp_path / f"{model.name}.skops")

    return export


@pytest.fixture
def model(alice, make_model):
    return make_model(alice, model_name="houses")


@pytest.fixture
def import_altered(exported, model, bob, tmp_path):
    """Imports the exported file of `model` with some members replaced."""

    def attempt(**members):
        altered = tmp_path / "altered.skops"
        with zipfile.ZipFile(exported(model)) as source, zipfile.ZipFile(altered, "w") as target:
            for name in source.namelist():
                data = source.read(name)
                change = members.get(name.partition(".")[0])
                target.writestr(name, json.dumps(change(json.loads(data))) if change else data)
        return run("import_model", altered, "--owner", bob.email)

    return attempt


def files():
    return set(default_storage.listdir("models")[1])


@pytest.mark.parametrize(
    ("algorithm", "task"),
    [
        pytest.param(name, task, marks=[] if name == "linear" else pytest.mark.sqlite_only)
        for name, trainer in TRAINERS.items()
        for task in trainer.tasks
    ],
)
def test_every_algorithm_comes_back_and_predicts_the_same(alice, bob, make_model, exported, algorithm, task):
    target, row = {
        "regression": ("price", HOUSE),
        "classification": ("place", {"size": 100, "rooms": 2, "price": 130_000}),
    }[task]
    model = make_model(alice, algorithm=algorithm, target=target)

    name = run("import_model", exported(model), "--owner", bob.email)

    imported = TrainedModel.objects.get(name=name)
    answers = [predict(owner=one.owner, model=one, features=row).output for one in (model, imported)]
    assert answers[0] == answers[1]
    assert (imported.owner, imported.is_compiled) == (bob, model.is_compiled)


@pytest.mark.parametrize("numbers", ["clipped", "spline"])
def test_clipped_numbers_and_splines_come_back(alice, bob, make_model, exported, numbers):
    model = make_model(alice, algorithm="ridge", parameters={"alpha": 1.0, "numbers": numbers})

    imported = TrainedModel.objects.get(name=run("import_model", exported(model), "--owner", bob.email))

    answers = [predict(owner=one.owner, model=one, features=HOUSE).output for one in (model, imported)]
    assert answers[0] == answers[1]
    assert imported.is_compiled


def test_an_imported_model_is_signed_owned_and_free(bob, model, exported):
    name = run("import_model", exported(model), "--owner", bob.email, "--name", "from elsewhere")

    imported = TrainedModel.objects.get(name=name)
    assert name == f"{bob.pk}_from_elsewhere"
    assert (imported.metrics, imported.baseline, imported.algorithm) == (
        model.metrics, model.baseline, model.algorithm,
    )  # fmt: skip
    assert (imported.run, imported.dataset) == (None, None)
    assert imported.signature != model.signature
    bob.refresh_from_db()
    assert bob.token_balance == 15
    assert verify_ledger() == []
    assert not PendingFile.objects.exists()


def test_its_pages_work(bob, pages_of, model, exported):
    name = run("import_model", exported(model), "--owner", bob.email)

    for tab in ("", "quality/", "details/"):
        assert pages_of(bob).get(f"/models/{name}/{tab}").status_code == 200


def test_no_row_of_the_table_leaves_with_the_model(model, exported):
    with zipfile.ZipFile(exported(model)) as archive:
        facts = json.loads(archive.read(skops_files.FACTS_NAME))

    assert model.report["largest_misses"]
    assert facts["report"]["largest_misses"] == []


def joblib_of(pipeline, path):
    joblib.dump(pipeline, path)


def pickle_of(pipeline, path):
    path.write_bytes(pickle.dumps(pipeline))


def foreign_skops_of(pipeline, path):
    skops.io.dump(pipeline, path)


def zip_with_a_pickle(pipeline, path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.joblib", pickle.dumps(pipeline))


@pytest.mark.parametrize("write", [joblib_of, pickle_of, zip_with_a_pickle, foreign_skops_of])
def test_every_other_file_is_refused_before_anything_is_read_from_it(
    bob, model, tmp_path, monkeypatch, write
):
    write({"a": 1}, tmp_path / "file")
    for loader in ("joblib.load", "pickle.load", "pickle.loads", "skops.io.loads"):
        monkeypatch.setattr(loader, lambda *args, **options: pytest.fail("this was loaded"))
    before = files()

    with pytest.raises(CommandError, match="not a skops file that this software exported") as refused:
        run("import_model", tmp_path / "file", "--owner", bob.email)

    assert refused.value.returncode == 1
    assert (TrainedModel.objects.count(), files()) == (1, before)


def shell(state):
    return subprocess.run(["/bin/false"], check=True)


@pytest.mark.parametrize(
    "evil",
    [FunctionTransformer(shell), CountVectorizer(tokenizer=subprocess.getoutput)],
    ids=["function of ours", "function of Python"],
)
def test_a_type_that_no_model_of_ours_has_is_refused_before_anything_is_made(
    bob, model, exported, tmp_path, monkeypatch, evil
):
    with zipfile.ZipFile(exported(model)) as archive:
        facts = json.loads(archive.read(skops_files.FACTS_NAME))
    file = tmp_path / "evil.skops"
    file.write_bytes(skops_files.write(evil, facts))
    monkeypatch.setattr("skops.io.loads", lambda *args, **options: pytest.fail("this was loaded"))

    with pytest.raises(CommandError, match="types that no exported model has: .*(shell|getoutput)"):
        run("import_model", file, "--owner", bob.email)

    assert TrainedModel.objects.count() == 1


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"schema": lambda schema: {**schema, "protocol": 0}}, "another version"),
        ({"mlplatform": lambda facts: {**facts, "version": 2}}, "another version"),
        ({"mlplatform": lambda facts: {**facts, "libraries": {"scikit-learn": "0.24"}}}, "other versions"),
        ({"mlplatform": lambda facts: {**facts, "libraries": 3}}, "other versions"),
        ({"mlplatform": lambda facts: {**facts, "features": facts["features"][:1]}}, "does not predict"),
        ({"mlplatform": lambda facts: {**facts, "features": "size"}}, "does not predict"),
        ({"mlplatform": lambda facts: {**facts, "report": []}}, "does not predict"),
        ({"mlplatform": lambda facts: {**facts, "threshold": "much"}}, "does not predict"),
        ({"mlplatform": lambda facts: {**facts, "task": "classification"}}, "not that of its model"),
        ({"mlplatform": lambda facts: {"version": 1, "libraries": facts["libraries"]}}, "lacks: name"),
        ({"mlplatform": lambda facts: [1]}, "cannot be read"),
    ],
)
def test_a_file_that_was_altered_is_refused_and_leaves_nothing(import_altered, members, reason):
    with pytest.raises(CommandError, match=reason):
        import_altered(**members)

    assert TrainedModel.objects.count() == 1
    assert len(files()) == 1
    assert not PendingFile.objects.exists()


@pytest.mark.parametrize("member", [".npy", "schema.json", skops_files.FACTS_NAME])
def test_a_damaged_file_is_refused(bob, model, exported, tmp_path, member):
    data = bytearray(Path(exported(model)).read_bytes())
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        found = next(info for info in archive.infolist() if info.filename.endswith(member))
    data[found.header_offset + 30 + len(found.filename) + found.compress_size // 2] ^= 0xFF
    file = tmp_path / "damaged.skops"
    file.write_bytes(data)

    with pytest.raises(CommandError, match=r"cannot be read|is damaged"):
        run("import_model", file, "--owner", bob.email)

    assert TrainedModel.objects.count() == 1


def test_a_taken_name_is_refused_and_leaves_no_file(alice, model, exported):
    with pytest.raises(CommandError, match="already exists"):
        run("import_model", exported(model), "--owner", alice.email)

    assert len(files()) == 1
    assert not PendingFile.objects.exists()


def test_the_name_of_an_alias_is_taken_too(alice, model, exported):
    promote(model=model, name="current")

    with pytest.raises(CommandError, match="already exists"):
        run("import_model", exported(model), "--owner", alice.email, "--name", "current")

    assert TrainedModel.objects.count() == 1


def test_who_has_the_most_models_allowed_gets_no_other(bob, model, exported, monkeypatch):
    monkeypatch.setattr(imports, "MODELS_MAX", 0)

    with pytest.raises(CommandError, match="most allowed"):
        run("import_model", exported(model), "--owner", bob.email)

    assert len(files()) == 1


def test_a_file_that_unpacks_to_more_than_a_model_may_have_is_refused(bob, model, exported, monkeypatch):
    monkeypatch.setattr(skops_files, "UNPACKED_BYTES_MAX", 1000)

    with pytest.raises(CommandError, match="larger than 1,000 bytes"):
        run("import_model", exported(model), "--owner", bob.email)


def test_nobody_has_exit_code_three_and_a_missing_file_one(tmp_path, bob):
    with pytest.raises(CommandError) as nobody:
        run("import_model", tmp_path / "x", "--owner", "nobody@example.com")
    with pytest.raises(CommandError, match="cannot be read: No such file") as missing:
        run("import_model", tmp_path / "x", "--owner", bob.email)

    assert (nobody.value.returncode, missing.value.returncode) == (3, 1)
    assert not Prediction.objects.exists()
