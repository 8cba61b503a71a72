import hmac
import pickle
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from mlmodels.errors import ModelUnusable
from mlmodels.learning import libraries
from mlmodels.learning.model_files import FileSignature, SignatureInvalid, read
from mlmodels.models import TrainedModel
from mlmodels.operations import model_files
from mlmodels.tests.factories import make_model, train_model

pytestmark = pytest.mark.django_db


@pytest.fixture
def model(alice):
    return make_model(alice)


@pytest.fixture
def other(bob):
    return make_model(bob)


@pytest.fixture
def nothing_is_unpickled(monkeypatch):
    """The test fails when any bytes get as far as joblib."""

    def fail(*args):
        raise AssertionError("unpickled")

    monkeypatch.setattr("joblib.load", fail)


class Evil:
    def __reduce__(self):
        return pytest.fail, ("this was unpickled",)


def overwrite(model, data):
    with open(model.file.path, "wb") as handle:
        handle.write(data)


def test_what_was_saved_is_loaded(model):
    pipeline = model_files.load_pipeline(TrainedModel.objects.get(pk=model.pk))

    assert [name for name, _ in pipeline.steps] == ["prepare", "model"]
    model_files.read_checked(model)


def test_it_is_not_loaded_while_another_thread_imports_the_libraries(model, monkeypatch):
    begun, may_go_on = threading.Event(), threading.Event()

    def import_slowly(name):
        begun.set()
        assert may_go_on.wait(timeout=20)

    monkeypatch.setattr(libraries, "import_module", import_slowly)
    with ThreadPoolExecutor(2) as threads:
        threads.submit(libraries.import_libraries)
        assert begun.wait(timeout=20)
        loading = threads.submit(model_files.load_pipeline, model)
        with pytest.raises(TimeoutError):
            loading.result(timeout=0.2)
        may_go_on.set()

        assert loading.result(timeout=20).steps


def test_the_file_of_a_training_is_named_after_run_and_attempt(alice):
    model = train_model(alice)

    assert model.file.name == f"models/{model.run.uuid}.1.joblib"
    assert not list((model_files.Path(model.file.path).parent).glob("*.part"))


def test_no_flipped_bit_gets_as_far_as_unpickling(model, nothing_is_unpickled):
    data = model_files.read_bytes(model)
    draw = random.Random(42)

    for _ in range(80):
        flipped = bytearray(data)
        flipped[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        overwrite(model, bytes(flipped))
        with pytest.raises(ModelUnusable, match="was altered"):
            model_files.load_pipeline(model)


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\0", lambda data: b""])
def test_a_longer_or_shorter_file_is_refused(model, nothing_is_unpickled, change):
    overwrite(model, change(model_files.read_bytes(model)))

    with pytest.raises(ModelUnusable):
        model_files.load_pipeline(model)


@pytest.mark.parametrize("signature", ["", "0" * 64, "é" * 64])
@pytest.mark.parametrize("look", [model_files.load_pipeline, model_files.read_checked])
def test_no_other_signature_is_taken_and_none_is_guessed_by_the_clock(
    model, nothing_is_unpickled, monkeypatch, look, signature
):
    compared = []

    def compare(ours, theirs, compare_digest=hmac.compare_digest):
        compared.append(theirs)
        return compare_digest(ours, theirs)

    monkeypatch.setattr("hmac.compare_digest", compare)
    model.signature = signature

    with pytest.raises(ModelUnusable, match="was altered"):
        look(model)

    assert compared == [signature.encode()]


def test_a_pickle_from_elsewhere_is_refused_even_with_its_own_checksum_in_the_row(model):
    data = pickle.dumps(Evil())
    overwrite(model, data)
    signed = FileSignature.of(data, model.uuid)
    model.size_bytes, model.sha256 = signed.size_bytes, signed.sha256

    with pytest.raises(ModelUnusable):
        model_files.load_pipeline(model)
    with pytest.raises(ModelUnusable):
        model_files.read_checked(model)


def test_the_signed_file_of_another_model_is_refused(model, other, nothing_is_unpickled):
    overwrite(model, model_files.read_bytes(other))
    for field in ("size_bytes", "sha256", "signature", "key_id"):
        setattr(model, field, getattr(other, field))

    with pytest.raises(ModelUnusable):
        model_files.load_pipeline(model)


def test_after_a_change_of_the_secret_key_the_old_one_still_reads(model, settings):
    old, settings.SECRET_KEY = settings.SECRET_KEY, "a new key " * 6
    with pytest.raises(ModelUnusable, match="SECRET_KEY_FALLBACKS"):
        model_files.load_pipeline(model)

    settings.SECRET_KEY_FALLBACKS = [old]

    assert model_files.load_pipeline(model)


def test_the_id_of_a_key_tells_nothing_about_the_key(settings):
    signing = model_files.SigningKey.derived_from(settings.SECRET_KEY)

    assert len(signing.key) == 32
    assert signing.key_id not in signing.key.hex()
    assert settings.SECRET_KEY not in signing.key_id


@pytest.mark.parametrize("versions", [{"scikit-learn": "0.24.2"}, {"numpy": "1.26.4"}, {}])
def test_a_model_of_other_library_versions_is_refused(model, nothing_is_unpickled, versions):
    model.library_versions = {**model.library_versions, **versions} if versions else {}

    with pytest.raises(ModelUnusable, match="other versions"):
        model_files.load_pipeline(model)


def test_a_patch_release_makes_no_difference(model):
    model.library_versions["scikit-learn"] += "9"

    assert model_files.load_pipeline(model)


def test_a_seal_covers_model_format_size_and_contents():
    signed = FileSignature.of(b"contents", "a")
    key = b"k" * 32
    signature = signed.signature(key, "id")

    assert signed.signature(key, "other id") != signature
    assert FileSignature.of(b"contents", "b").signature(key, "id") != signature
    assert FileSignature.of(b"other", "a").signature(key, "id") != signature
    assert FileSignature("a", "joblib-2", signed.size_bytes, signed.sha256).signature(key, "id") != signature
    with pytest.raises(SignatureInvalid):
        read(b"contents", signed, "0" * 64, key, "id")


def test_there_is_one_place_in_the_code_that_unpickles_a_file():
    """But for what our processes send each other: `apart.py` on a pipe, `cluster_tasks.py` through Dask."""
    from django.conf import settings

    places = [
        path.name
        for path in settings.BASE_DIR.glob("m*/**/*.py")
        if "/tests/" not in str(path)
        and "/bundle_scripts/" not in str(path)  # for whoever downloads a bundle; nothing here imports them
        and any(call in path.read_text() for call in ("joblib.load", "pickle.load", "pickle.Unpickler"))
    ]

    assert sorted(places) == ["apart.py", "cluster_tasks.py", "model_files.py"]
