"""Programs that serve a scikit-learn pipeline over HTTP. They sell nothing, check nobody and store nothing.

Each keeps the pipeline in memory, in as many processes as ours: two.
"""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environments import PEERS as SCRIPTS
from benchmarks.environments import environment

PROCESSES = 2


@dataclass(frozen=True, kw_only=True)
class Peer:
    """`prepare` makes the command from its Python, the pipeline's file, a folder of its own and the port."""

    name: str
    prepare: Callable[[Path, Path, Path, int], list]
    ready_path: str
    path: str
    body_of: Callable[[dict], dict]
    prediction_of: Callable[[dict], float]

    @property
    def key(self) -> str:
        return self.name.lower()

    def command(self, environments: Path, pipeline: Path, folder: Path, port: int) -> list[str]:
        folder.mkdir(parents=True)
        python = environment(environments, f"serving_{self.key}")
        return [str(word) for word in self.prepare(python, pipeline, folder, port)]


def mlflow(python: Path, pipeline: Path, folder: Path, port: int) -> list:
    subprocess.run(
        [python, SCRIPTS / "save_for_mlflow.py", pipeline, folder / "model"], check=True, cwd=folder
    )
    path = f"PATH={python.parent}{os.pathsep}{os.environ['PATH']}"  # it starts uvicorn by name
    serve = f"models serve --env-manager local --host 127.0.0.1 --workers {PROCESSES} --port {port}".split()
    return ["env", path, python, "-m", "mlflow", *serve, "--model-uri", folder / "model"]


def bentoml(python: Path, pipeline: Path, folder: Path, port: int) -> list:
    serve = ["-m", "bentoml", "serve", "serve_with_bentoml:Model", "--host", "127.0.0.1", "--port", port]
    return [
        "env", f"MODEL_FILE={pipeline}", f"BENTOML_HOME={folder}", "BENTOML_DO_NOT_TRACK=True",
        python, *serve, "--working-dir", SCRIPTS,
    ]  # fmt: skip


def litserve(python: Path, pipeline: Path, folder: Path, port: int) -> list:
    return [python, SCRIPTS / "serve_with_litserve.py", pipeline, port]


def mlserver(python: Path, pipeline: Path, folder: Path, port: int) -> list:
    settings = {"host": "127.0.0.1", "http_port": port, "grpc_port": port + 1, "metrics_port": port + 2}
    settings |= {"parallel_workers": PROCESSES, "debug": False, "metrics_dir": str(folder)}
    model = {"name": "model", "implementation": "mlserver_sklearn.SKLearnModel"}
    model |= {"parameters": {"uri": str(pipeline)}}
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps(model))
    return [python.parent / "mlserver", "start", folder]


def as_columns(row: dict) -> dict:
    """The row in the protocol of MLServer: a tensor for each column, read into a DataFrame."""
    inputs = [
        {
            "name": name,
            "shape": [1, 1],
            "datatype": "BYTES",
            "data": [value],
            "parameters": {"content_type": "str"},
        }
        if isinstance(value, str)
        else {"name": name, "shape": [1, 1], "datatype": "FP64", "data": [value]}
        for name, value in row.items()
    ]
    return {"parameters": {"content_type": "pd"}, "inputs": inputs}


def as_features(row: dict) -> dict:
    return {"features": row}


def as_prediction(answer: dict) -> float:
    return answer["prediction"]


PEERS = [
    Peer(
        name="MLflow",
        prepare=mlflow,
        ready_path="/ping",
        path="/invocations",
        body_of=lambda row: {"dataframe_records": [row]},
        prediction_of=lambda answer: answer["predictions"][0],
    ),
    Peer(
        name="BentoML",
        prepare=bentoml,
        ready_path="/readyz",
        path="/predict",
        body_of=as_features,
        prediction_of=as_prediction,
    ),
    Peer(
        name="MLServer",
        prepare=mlserver,
        ready_path="/v2/health/ready",
        path="/v2/models/model/infer",
        body_of=as_columns,
        prediction_of=lambda answer: answer["outputs"][0]["data"][0],
    ),
    Peer(
        name="LitServe",
        prepare=litserve,
        ready_path="/health",
        path="/predict",
        body_of=as_features,
        prediction_of=as_prediction,
    ),
]
