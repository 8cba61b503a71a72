"""Model files in the storage: signed when they are stored, verified when they are loaded.

The key is derived from SECRET_KEY, so no file from elsewhere has a valid signature. Files signed with a
former key stay readable while it is in SECRET_KEY_FALLBACKS; `key_id` names the key that signed.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils.crypto import salted_hmac

from mlmodels.errors import ModelUnusable
from mlmodels.learning import model_files
from mlmodels.learning.libraries import import_libraries
from mlmodels.learning.model_files import FileSignature
from mlmodels.models import TrainedModel
from mlmodels.operations import model_cache
from mlplatform.core import storage

SALT = "mlmodels.operations.artifacts"  # never changes: the keys of stored files are derived from it


@dataclass(frozen=True)
class SigningKey:
    key_id: str
    key: bytes

    @classmethod
    def derived_from(cls, secret: str) -> "SigningKey":
        return cls(
            key_id=salted_hmac(f"{SALT}.id", "", secret=secret, algorithm="sha256").hexdigest()[:16],
            key=salted_hmac(f"{SALT}.key", "", secret=secret, algorithm="sha256").digest(),
        )


def keep_file(*, model: TrainedModel, part: Path, name: str) -> None:
    """Signs the finished file and stores it under this name. `model` gets its fields, but is not saved."""
    signed = FileSignature.of(part.read_bytes(), model.uuid)
    current = SigningKey.derived_from(settings.SECRET_KEY)
    model.file_format = signed.file_format
    model.size_bytes = signed.size_bytes
    model.sha256 = signed.sha256
    model.key_id = current.key_id
    model.signature = signed.signature(current.key, current.key_id)
    model.library_versions = model_files.library_versions()
    storage.keep(part, name=name)
    model.file = name


def load_pipeline(model: TrainedModel):
    """The fitted pipeline, or ModelUnusable. Nothing is unpickled before its signature is verified."""
    _refuse_other_libraries(model)
    signing = _key_that_signed(model)
    import_libraries()  # reading imports some, and another thread may be importing them
    try:
        return model_files.read(
            _cached_bytes(model), _signature_of(model), model.signature, signing.key, signing.key_id
        )
    except model_files.SignatureInvalid:
        raise _altered(model) from None


def read_checked(model: TrainedModel) -> bytes:
    """The file as it is stored. Refuses like `load_pipeline`, but loads nothing."""
    signed, signing = _signature_of(model), _key_that_signed(model)
    if not signed.is_signed(model.signature, signing.key, signing.key_id):
        raise _altered(model)
    data = read_bytes(model)
    if not signed.fits(data):
        raise _altered(model)
    return data


def signature_for_a_process(model: TrainedModel) -> dict:
    """What a process of a worker needs to read the file with `learning.model_files.read`.

    The signature is verified here and replaced by one with a temporary key, so the process does not get the
    installation's key. It compares the bytes with the SHA-256 in the signature. Refuses like `load_pipeline`.
    """
    _refuse_other_libraries(model)
    signed, signing = _signature_of(model), _key_that_signed(model)
    if not signed.is_signed(model.signature, signing.key, signing.key_id):
        raise _altered(model)
    key, key_id = secrets.token_bytes(32), "process"
    return {"signed": signed, "signature": signed.signature(key, key_id), "key": key, "key_id": key_id}


def _refuse_other_libraries(model: TrainedModel) -> None:
    if not model_files.are_compatible(model.library_versions):
        raise ModelUnusable(
            f'The model "{model.name}" was trained with other versions of the learning libraries '
            f"(scikit-learn {model.library_versions.get('scikit-learn')}). Train it again."
        )


def _key_that_signed(model: TrainedModel) -> SigningKey:
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        candidate = SigningKey.derived_from(secret)
        if candidate.key_id == model.key_id:
            return candidate
    raise ModelUnusable(
        f'The model "{model.name}" was signed with a key that is not installed here. Train it again, or add '
        "the former key to SECRET_KEY_FALLBACKS."
    )


def _signature_of(model: TrainedModel) -> FileSignature:
    return FileSignature(str(model.uuid), model.file_format, model.size_bytes, model.sha256)


def _cached_bytes(model: TrainedModel) -> bytes:
    """From this machine's cache if files are on object storage. An altered copy is replaced."""
    if storage.is_local() or not settings.MODEL_CACHE_MB:
        return read_bytes(model)
    signed, data = _signature_of(model), model_cache.get(model.sha256)
    if data is None or not signed.fits(data):
        data = read_bytes(model)
        if signed.fits(data):
            model_cache.put(model.sha256, data)
    return data


def read_bytes(model: TrainedModel) -> bytes:
    try:
        with model.file.storage.open(model.file.name) as handle:
            return handle.read()
    except FileNotFoundError:
        raise ModelUnusable(f'The file of the model "{model.name}" is missing. Train it again.') from None


def _altered(model: TrainedModel) -> ModelUnusable:
    return ModelUnusable(f'The file of the model "{model.name}" was altered. Train it again.')
