"""A model as a skops file: a pipeline in a format that is read without unpickling, and its description.

Reading checks everything before it constructs anything: the format, the size, every type. The types that may
occur beside those that skops trusts itself are those of our own algorithms.
"""

import io
import json
import zipfile
import zlib
from typing import TYPE_CHECKING

from mlmodels.learning.model_files import are_compatible, library_versions
from mlmodels.learning.tables import derive
from mlmodels.learning.trainers import NUMBER
from mlplatform.core.errors import InvalidInput

if TYPE_CHECKING:
    import pandas

FACTS_NAME = "mlplatform.json"
FACTS_VERSION = 1
UNPACKED_BYTES_MAX = 1_000_000_000
TRIAL_ROWS = 200
JSON_BYTES_MAX = 100_000_000
TRUSTED_TYPES = (
    "functools.partial",
    "numpy.clip",
    "numpy.dtype",
    "scipy._lib.array_api_compat.numpy._aliases.asarray",
    "scipy.interpolate._bsplines.BSpline",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    "sklearn.utils.validation.check_array",
)
# What skops, numpy and scikit-learn raise at contents that are no pipeline
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, ImportError, OSError, RecursionError)
DAMAGED = (zipfile.BadZipFile, zlib.error, RuntimeError)  # what zipfile raises; RuntimeError if encrypted


class NotImportable(InvalidInput):
    """The file is not a model that this software exported, or its libraries are not installed here."""

    code = "not_importable"


def write(pipeline, facts: dict) -> bytes:
    """A file that `skops.io.load` reads; `facts`, plain JSON data, are beside the pipeline."""
    import skops.io

    file = io.BytesIO(skops.io.dumps(pipeline))
    described = {"version": FACTS_VERSION, "libraries": library_versions(), **facts}
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(FACTS_NAME, json.dumps(described, ensure_ascii=False))
    return file.getvalue()


def read(data: bytes) -> tuple[object, dict]:
    """The fitted pipeline and its facts, or NotImportable. No code from the file runs."""
    facts = _checked_facts(data)
    import skops.io

    try:
        untrusted = set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED_TYPES)
        if untrusted:
            raise NotImportable(
                f"The file contains types that no exported model has: {', '.join(sorted(untrusted))}."
            )
        pipeline = skops.io.loads(data, trusted=list(TRUSTED_TYPES))
    except (*UNREADABLE, *DAMAGED) as error:
        raise NotImportable(f"The model in this file cannot be read ({type(error).__name__}).") from error
    if not hasattr(pipeline, "predict"):
        raise NotImportable("The file does not contain a model.")
    return pipeline, facts


def trial_rows(columns, derived, seen: list[dict]) -> "pandas.DataFrame":
    """Rows within what training saw of each column, by `describe_features`; with the derived columns."""
    import numpy as np
    import pandas as pd

    rows = {}
    for place, (column, feature) in enumerate(zip(columns, seen, strict=True)):
        if column.role == NUMBER:
            values = np.linspace(feature["minimum"] or 0.0, feature["maximum"] or 0.0, TRIAL_ROWS)
        else:
            values = np.resize([name for name, _ in feature.get("categories", ())] or [""], TRIAL_ROWS)
        rows[column.name] = np.random.default_rng(place).permutation(values)
    return derive(pd.DataFrame(rows), derived)


def _checked_facts(data: bytes) -> dict:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(member.file_size for member in archive.infolist()) > UNPACKED_BYTES_MAX:
                raise NotImportable(f"The file is larger than {UNPACKED_BYTES_MAX:,} bytes when unpacked.")
            schema, facts = _json_of(archive, "schema.json"), _json_of(archive, FACTS_NAME)
    except (*DAMAGED, KeyError):
        raise NotImportable(
            "This is not a skops file that this software exported, here or elsewhere, or it is damaged. "
            "Other files, such as joblib, can run code when they are loaded and are not accepted."
        ) from None
    _refuse_other_versions(schema, facts)
    return facts


def _json_of(archive: zipfile.ZipFile, name: str) -> dict:
    if archive.getinfo(name).file_size > JSON_BYTES_MAX:
        raise NotImportable(f"{name} is larger than {JSON_BYTES_MAX:,} bytes.")
    try:
        content = json.loads(archive.read(name))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise NotImportable(f"{name} in the file cannot be read.")
    return content


def _refuse_other_versions(schema: dict, facts: dict) -> None:
    """Older protocols of skops have loaders of their own, which nothing of ours needs."""
    from skops.io._protocol import PROTOCOL

    libraries = facts.get("libraries")
    if facts.get("version") != FACTS_VERSION or schema.get("protocol") != PROTOCOL:
        raise NotImportable("The file was exported by another version of this software.")
    if not isinstance(libraries, dict) or not are_compatible({k: str(v) for k, v in libraries.items()}):
        raise NotImportable(
            f"The model was trained with other versions of the learning libraries ({libraries})."
        )
