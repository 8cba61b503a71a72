"""Model files in the storage: signed when they are kept, verified when they are loaded.

The key is derived from SECRET_KEY, so a file from elsewhere has no valid signature here. Files signed with an
old key stay readable while it stands in SECRET_KEY_FALLBACKS; `key_id` says which one signed.
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

SALT = "mlmodels.operations.artifacts"  # the keys of existing files are derived from it


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
    """Signs the finished file and moves it into the storage. `model` gets its fields and is not saved."""
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
    """The fitted pipeline, or ModelUnusable. No byte is unpickled before its signature was checked."""
    if not model_files.are_compatible(model.library_versions):
        raise ModelUnusable(
            f'The model "{model.name}" was made with other versions of the learning libraries '
            f"(scikit-learn {model.library_versions.get('scikit-learn')}). Train it again."
        )
    data = read_bytes(model)
    signed = FileSignature(str(model.uuid), model.file_format, model.size_bytes, model.sha256)
    signing = _key_that_signed(model)
    try:
        return model_files.read(data, signed, model.signature, signing.key, signing.key_id)
    except model_files.SignatureInvalid:
        raise _altered(model) from None


def read_bytes(model: TrainedModel) -> bytes:
    """The file as it is, for loading and for downloads."""
    try:
        with model.file.storage.open(model.file.name) as handle:
            return handle.read()
    except FileNotFoundError:
        raise ModelUnusable(f'The file of the model "{model.name}" is missing. Train it again.') from None


def check_file(model: TrainedModel) -> None:
    """Refuses like `load_pipeline`, and loads nothing: for audits and downloads."""
    signed = FileSignature(str(model.uuid), model.file_format, model.size_bytes, model.sha256)
    signing = _key_that_signed(model)
    if not signed.is_signed(model.signature, signing.key, signing.key_id) or not signed.fits(
        read_bytes(model)
    ):
        raise _altered(model)


def filename_of(run: TrainingRun, attempt: int) -> str:
    """Each attempt has a file of its own, so that a worker that was thought lost overwrites nobody's."""
    return f"{run.uuid}.{attempt}.joblib"


def stored_name(run: TrainingRun, attempt: int) -> str:
    """The same as the storage knows it."""
    return model_path(None, filename_of(run, attempt))


def discard_attempts(run: TrainingRun, before: int) -> None:
    """Removes what workers that died between file and row left behind."""
    for attempt in range(1, before):
        default_storage.delete(stored_name(run, attempt))


def is_local(file) -> bool:
    """Whether the storage of this file is a disk of this machine."""
    try:
        return bool(file.path)
    except NotImplementedError:
        return False


class FinishedFile(File):
    """A file that the storage may move instead of copying: on a local disk that is one rename."""

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
        f'The model "{model.name}" was signed with a key that this installation does not have. Train it '
        "again, or put the former key into SECRET_KEY_FALLBACKS."
    )


def _altered(model: TrainedModel) -> ModelUnusable:
    return ModelUnusable(
        f'The file of the model "{model.name}" is not the one that was saved. Train it again.'
    )


def _sync_folder(file) -> None:
    """A rename is durable once its folder is; a remote storage has no folder to sync."""
    if not is_local(file):
        return
    folder = os.open(Path(file.path).parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
