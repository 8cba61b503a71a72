"""What others make of a fitted pipeline: ONNX Runtime of the whole, treelite of its trees alone.

Each predictor takes rows and returns predictions, or probabilities with a column for each class.
"""

from collections.abc import Callable

import numpy as np
import onnxruntime
import treelite
from onnxruntime.capi import onnxruntime_pybind11_state as failures
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType

from mlmodels.learning.exports import CONVERTER_ERRORS
from mlmodels.learning.trainers import NUMBER, Feature

RUNTIME_ERRORS = (failures.Fail, failures.InvalidArgument, failures.InvalidGraph, failures.NotImplemented)


def by_onnx(pipeline, features: tuple[Feature, ...], rows: list[list]) -> Callable | None:
    """In double precision if the converter knows it for this model, else in single; None if in neither."""
    for number, dtype in ((DoubleTensorType, np.float64), (FloatTensorType, np.float32)):
        predict = _onnx_predictor(pipeline, features, number, dtype)
        if predict is not None and np.isfinite(predict(rows)).all():
            return predict
    return None


def _onnx_predictor(pipeline, features, number, dtype) -> Callable | None:
    kinds = {
        feature.name: (number if feature.role == NUMBER else StringTensorType)([None, 1])
        for feature in features
    }
    is_classifier = hasattr(pipeline, "classes_")
    try:
        converted = convert_sklearn(
            pipeline,
            initial_types=list(kinds.items()),
            options={id(pipeline): {"zipmap": False}} if is_classifier else {},
        )
        one_thread = onnxruntime.SessionOptions()
        one_thread.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            converted.SerializeToString(), one_thread, providers=["CPUExecutionProvider"]
        )
    except (*CONVERTER_ERRORS, *RUNTIME_ERRORS):
        return None
    types = [dtype if feature.role == NUMBER else str for feature in features]

    def predict(rows: list[list]) -> np.ndarray:
        columns = zip(features, types, zip(*rows, strict=True), strict=True)
        inputs = {feature.name: np.array(cells, kind).reshape(-1, 1) for feature, kind, cells in columns}
        given = session.run(None, inputs)
        return given[1] if is_classifier else np.ravel(given[0])

    return predict


def by_treelite(pipeline) -> Callable | None:
    """Takes rows as the pipeline has prepared them; None for a model that is no ensemble of trees."""
    try:
        trees = treelite.sklearn.import_model(pipeline[-1])
    except treelite.TreeliteError:
        return None
    is_classifier = hasattr(pipeline, "classes_")

    def predict(prepared: np.ndarray) -> np.ndarray:
        given = treelite.gtil.predict(trees, prepared, nthread=1)
        return given.reshape(len(prepared), -1) if is_classifier else np.ravel(given)

    return predict
