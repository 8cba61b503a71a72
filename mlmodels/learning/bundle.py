"""A model as a ZIP that predicts and is rebuilt without this software.

model.joblib, model.json   the fitted pipeline, and what has to be known beside it
predict.py, rebuild.py     scripts that use them; mlmodels/ and mlplatform/ hold the code they need
example_row.json, requirements.txt, README.md
"""

import io
import json
import zipfile
from importlib.metadata import version
from pathlib import Path

import mlmodels
import mlplatform

LIBRARIES = ("scikit-learn", "numpy", "scipy", "pandas", "joblib")
SCRIPTS = Path(__file__).parent / "bundle_scripts"
MOMENT = (1980, 1, 1, 0, 0, 0)  # the same model gives the same bytes


def write(*, model: bytes, facts: dict, example: dict, readme: str) -> bytes:
    """`facts` go into model.json: `serving` (ModelFacts), and `rebuild` with plan, table and file hashes."""
    files = {
        "README.md": readme.encode(),
        "model.joblib": model,
        "model.json": as_json(facts),
        "example_row.json": as_json(example),
        "requirements.txt": requirements().encode(),
        **{script.name: script.read_bytes() for script in sorted(SCRIPTS.glob("*.py"))},
        **sources(),
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, MOMENT), data, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def requirements() -> str:
    return "".join(f"{name}=={version(name)}\n" for name in LIBRARIES)


def sources() -> dict[str, bytes]:
    """The learning package and what it imports, by their paths: no Django among them."""
    learning, core = Path(__file__).parent, Path(mlplatform.__file__).parent / "core"
    files = [*learning.rglob("*.py"), core / "errors.py", core / "text.py"]
    root = Path(mlmodels.__file__).parent.parent
    packages = {
        "mlmodels/__init__.py": b"",
        "mlplatform/__init__.py": b"",
        "mlplatform/core/__init__.py": b"",
    }
    return packages | {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(files)
        if SCRIPTS not in path.parents
    }


def as_json(data: dict) -> bytes:
    return json.dumps(data, ensure_ascii=False, indent=1).encode()
