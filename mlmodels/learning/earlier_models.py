"""The model that is trained again, as the training process gets it. Imported without heavy libraries."""

import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from mlmodels.learning import model_files
from mlmodels.learning.model_files import FileSignature

KEY_ID = "process"


@dataclass(frozen=True)
class EarlierModel:
    """A copy of its file, signed with a key for this process alone, and the table that it learned from.

    `features`, `target` and `split_column` are tables.Column dictionaries, and `evaluation` is how it was
    tested: they say which rows of a large table it learned from. `table_path` is None where that version of
    the dataset was deleted.
    """

    name: str
    path: str
    signed: dict
    signature: str
    key: bytes
    features: list[dict]
    target: dict
    derived: list[dict]
    table_path: str | None
    dialect: dict | None
    evaluation: dict
    split_column: dict | None

    @classmethod
    def write(cls, data: bytes, path: Path, *, model_uuid: str, **facts) -> "EarlierModel":
        """Of bytes whose own signature was checked."""
        path.write_bytes(data)
        signed, key = FileSignature.of(data, model_uuid), secrets.token_bytes(32)
        signature = signed.signature(key, KEY_ID)
        return cls(path=str(path), signed=asdict(signed), signature=signature, key=key, **facts)

    def load(self):
        """A FittedModel, which predicts from a frame with the columns of the file."""
        from mlmodels.learning.trainers.fitted_model import FittedModel

        data, signed = Path(self.path).read_bytes(), FileSignature(**self.signed)
        return FittedModel(model_files.read(data, signed, self.signature, self.key, KEY_ID), self.derived)
