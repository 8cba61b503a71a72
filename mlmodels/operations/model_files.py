"""Model files in the storage: signed when they are stored, verified when they are loaded.

The key is derived from SECRET_KEY, so no file from elsewhere has a valid signature. Files signed with a
former key stay readable while it is in SECRET_KEY_FALLBACKS; `key_id` names the key that signed.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.utils.crypto import salted_hmac

from mlmodels.errors import ModelUnusable
from mlmodels.learning import model_files
from mlmodels.learning.model_files import FileSignature
from mlmodels.models import TrainedModel, TrainingRun, model_path

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


def keep_file(*, model: TrainedModel, part: Path, filename: str) -> None:
    """Signs the finished file and moves it into the storage. `model` gets its fields, but is not saved."""
    signed = FileSignature.of(part.read_bytes(), model.uuid)
    current = SigningKey.derived_from(settings.SECRET_KEY)
    model.file_format = signed.file_format
    model.size_bytes = signed.size_bytes
    model.sha256 = signed.sha256
    model.key_id = current.key_id
    model.signature = signed.signature(current.key, current.key_id)
    model.library_versions = model_files.library_versions()
    with FinishedFile(part) as content:
        model.file.save(filename, content, save=False)
    _sync_folder(model.file)


def load_pipeline(model: TrainedModel):
    """The fitted pipeline, or ModelUnusable. Nothing is unpickled before its signature is verified."""
    if not model_files.are_compatible(model.library_versions):
        raise ModelUnusable(
            f'The model "{model.name}" was trained with other versions of the learning libraries '
            f"(scikit-learn {model.library_versions.get('scikit-learn')}). Train it again."
        )
    signing = _key_that_signed(model)
    try:
        return model_files.read(
            read_bytes(model), _signature_of(model), model.signature, signing.key, signing.key_id
        )
    except model_files.SignatureInvalid:
        raise _altered(model) from None


def check_file(model: TrainedModel) -> None:
    """Refuses like `load_pipeline`, but loads nothing."""
    signed, signing = _signature_of(model), _key_that_signed(model)
    is_signed = signed.is_signed(model.signature, signing.key, signing.key_id)
    if not is_signed or not signed.fits(read_bytes(model)):
        raise _altered(model)


def filename_of(run: TrainingRun, attempt: int) -> str:
    """Each attempt has its own file, so that a worker that was taken for lost overwrites nothing."""
    return f"{run.uuid}.{attempt}.joblib"


def stored_name(run: TrainingRun, attempt: int) -> str:
    """The name of that file in the storage."""
    return model_path(None, filename_of(run, attempt))


def discard_attempts(run: TrainingRun, before: int) -> None:
    """Deletes the files of workers that died between file and row."""
    for attempt in range(1, before):
        default_storage.delete(stored_name(run, attempt))


def is_local(file) -> bool:
    """Whether the storage of this file is a disk on this machine."""
    try:
        return bool(file.path)
    except NotImplementedError:
        return False


class FinishedFile(File):
    """A file that the storage may move instead of copy: on a local disk that is one rename."""

    def __init__(self, path: Path):
        super().__init__(path.open("rb"), name=path.name)
        self.path = path

    def temporary_file_path(self) -> str:
        return str(self.path)


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


def read_bytes(model: TrainedModel) -> bytes:
    try:
        with model.file.storage.open(model.file.name) as handle:
            return handle.read()
    except FileNotFoundError:
        raise ModelUnusable(f'The file of the model "{model.name}" is missing. Train it again.') from None


def _altered(model: TrainedModel) -> ModelUnusable:
    return ModelUnusable(f'The file of the model "{model.name}" was altered. Train it again.')


def _sync_folder(file) -> None:
    """A rename is durable once its folder is; a remote storage has no folder to sync."""
    if not is_local(file):
        return
    folder = os.open(Path(file.path).parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
