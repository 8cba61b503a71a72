"""Models as files for use elsewhere. Exports are free."""

from dataclasses import dataclass

from mlmodels.learning import bundle, exports, skops_files, tables
from mlmodels.learning.exports import NotExportable
from mlmodels.learning.serving import features_of
from mlmodels.models import TrainedModel, remove_owner
from mlmodels.operations import model_files, predictions
from mlmodels.operations.training import replay_arguments
from mlplatform.core.errors import InvalidInput

FORMATS = ("joblib", "skops", "onnx", "bundle")
# What a skops file contains besides the pipeline
EXPORTED_FIELDS = (
    "label", "algorithm", "task", "target", "features", "derived", "parameters", "threshold", "metrics",
    "baseline", "report", "search",
)  # fmt: skip
COMPARED_ROWS = 1_000


@dataclass(frozen=True)
class ExportedFile:
    name: str
    data: bytes


def export_model(*, model: TrainedModel, file_format: str, readme: str, example: dict) -> ExportedFile:
    """The model in one of FORMATS, or a refusal that says why not.

    `readme` and `example`, a row, go into a bundle.
    """
    if file_format not in FORMATS:
        raise InvalidInput(f"Choose one of these formats: {', '.join(FORMATS)}.", field="format")
    match file_format:
        case "joblib":
            return ExportedFile(f"{model.name}.joblib", model_files.read_checked(model))
        case "skops":
            return ExportedFile(f"{model.name}.skops", _skops(model))
        case "onnx":
            return ExportedFile(f"{model.name}.onnx", _onnx(model))
        case _:
            return ExportedFile(f"{model.name}.zip", _bundle(model, readme, example))


def _skops(model: TrainedModel) -> bytes:
    """With what `imports.import_model` needs, and without rows of the dataset."""
    facts = {field: getattr(model, field) for field in EXPORTED_FIELDS}
    facts["report"] = {**model.report, "largest_misses": []}
    facts["name"] = remove_owner(model.name, model.owner_id)
    return skops_files.write(model_files.load_pipeline(model), facts)


def _onnx(model: TrainedModel) -> bytes:
    if model.derived:
        raise NotExportable(
            "This model computes columns from others, such as the weekday of a date, which ONNX export does "
            "not cover. Download the bundle instead."
        )
    columns = [tables.Column.from_dict(column) for column in model.features]
    features = features_of(columns, ())
    return exports.to_onnx(model_files.load_pipeline(model), features, _real_rows(model, columns))


def _real_rows(model: TrainedModel, columns: list):
    if model.dataset is None:
        raise NotExportable(
            "The dataset of this model was deleted, so it cannot be checked that ONNX predicts the same on "
            "its rows. Download joblib or skops instead."
        )
    with model.dataset.file.open("rb") as handle:
        return tables.read(handle, model.dataset.dialect, columns).head(COMPARED_ROWS)


def _bundle(model: TrainedModel, readme: str, example: dict) -> bytes:
    rebuild = _rebuild_facts(model)
    facts = {"name": model.name, "serving": predictions.facts_of(model).to_dict(), "rebuild": rebuild}
    return bundle.write(model=model_files.read_checked(model), facts=facts, example=example, readme=readme)


def _rebuild_facts(model: TrainedModel) -> dict | None:
    """None where the dataset or the run is gone: the bundle then predicts and cannot be rebuilt."""
    if model.dataset is None or model.run is None:
        return None
    return {
        "table_sha256": model.dataset.sha256,
        "model_sha256": model.sha256,
        "order": replay_arguments(model.run),
    }
