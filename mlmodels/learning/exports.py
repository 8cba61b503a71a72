"""A trained pipeline in the formats of other programs. ONNX is compared with the pipeline on real rows."""

from typing import TYPE_CHECKING

from mlplatform.core.errors import Unprocessable

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

ONNX_NODES_MAX = 100_000  # a large forest takes the converter minutes
ONNX_RELATIVE_TOLERANCE = 1e-5  # ONNX calculates in float32 in places
# skl2onnx has no error class of its own: its converters raise any of these for what ONNX cannot express
CONVERTER_ERRORS = (RuntimeError, TypeError, ValueError, KeyError, AttributeError)


class NotExportable(Unprocessable):
    """The model cannot be written in this format, or would predict differently there."""

    code = "not_exportable"


def to_onnx(pipeline, features, rows: "pd.DataFrame") -> bytes:
    """An ONNX file, if it predicts `rows` as the pipeline does. Inputs are one tensor per column.

    Tries double precision first: thresholds of trees lose digits in single precision, and some converters
    only know that one.
    """
    import numpy as np

    try:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as failures
        from skl2onnx import convert_sklearn
        from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType
    except ImportError:
        raise NotExportable(
            "ONNX export is not installed here. The operator can install requirements-onnx.txt."
        ) from None
    _refuse_too_many_nodes(pipeline)
    for number_type, dtype in ((DoubleTensorType, np.float64), (FloatTensorType, np.float32)):
        types = [
            (f.name, (number_type if f.role == "number" else StringTensorType)([None, 1])) for f in features
        ]
        try:
            converted = convert_sklearn(pipeline, initial_types=types, options=_options(pipeline))
        except CONVERTER_ERRORS:
            continue
        data = converted.SerializeToString()
        try:
            session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
            given = session.run(None, _tensors(session, rows, features, dtype))
        except (failures.Fail, failures.InvalidArgument, failures.InvalidGraph, failures.NotImplemented):
            continue  # what the converter wrote, the runtime cannot run
        if _is_same(given, pipeline, rows):
            return data
    raise NotExportable(
        "ONNX would not predict the same as this model on the rows of its dataset. Download joblib or "
        "skops instead."
    )


def _options(pipeline) -> dict:
    """Probabilities as one array instead of a list of dictionaries."""
    return {id(pipeline): {"zipmap": False}} if hasattr(pipeline, "classes_") else {}


def _tensors(session, rows: "pd.DataFrame", features, dtype) -> dict:
    """By position: the converter rewrites names that are no identifiers."""
    return {
        tensor.name: rows[[feature.name]].to_numpy(dtype=dtype if feature.role == "number" else str)
        for tensor, feature in zip(session.get_inputs(), features, strict=True)
    }


def _is_same(given: list, pipeline, rows: "pd.DataFrame") -> bool:
    import numpy as np

    predicted = pipeline.predict(rows)
    if hasattr(pipeline, "classes_"):
        labels, probabilities = given[:2]
        same_labels = [str(label) for label in np.ravel(labels)] == [str(label) for label in predicted]
        return same_labels and _are_close(probabilities, pipeline.predict_proba(rows))
    return _are_close(np.ravel(given[0]), predicted)


def _are_close(given: "np.ndarray", expected: "np.ndarray") -> bool:
    import numpy as np

    tolerance = ONNX_RELATIVE_TOLERANCE * max(float(np.abs(expected).max()), np.finfo(float).tiny)
    return given.shape == expected.shape and bool(np.all(np.abs(given - expected) <= tolerance))


def _refuse_too_many_nodes(pipeline) -> None:
    nodes = sum(_node_counts(pipeline))
    if nodes > ONNX_NODES_MAX:
        raise NotExportable(
            f"The trees of this model have {nodes:,} nodes, and at most {ONNX_NODES_MAX:,} are converted to "
            "ONNX. Download joblib or skops instead, or train fewer or smaller trees."
        )


def _node_counts(estimator):
    """The nodes of every tree in an estimator, however deep it is nested in pipelines and ensembles."""
    if hasattr(estimator, "tree_"):
        yield estimator.tree_.node_count
    elif hasattr(estimator, "_predictors"):
        yield from (len(tree.nodes) for trees in estimator._predictors for tree in trees)
    else:
        for part in _parts(estimator):
            yield from _node_counts(part)


def _parts(estimator) -> list:
    if hasattr(estimator, "steps"):
        return [step for _, step in estimator.steps if hasattr(step, "predict")]
    if hasattr(estimator, "estimators_"):
        return list(estimator.estimators_)
    if hasattr(estimator, "calibrated_classifiers_"):
        return [calibrated.estimator for calibrated in estimator.calibrated_classifiers_]
    return [estimator.regressor_] if hasattr(estimator, "regressor_") else []
