"""What a worker and its process send each other: plain data, no Django, no learning library."""

from dataclasses import dataclass
from typing import ClassVar

from mlmodels.learning.earlier_models import EarlierModel


@dataclass(frozen=True)
class Relay:
    """A file on object storage through which a large table gets to Dask workers: URLs good for that alone."""

    write_url: str
    read_url: str
    bytes_min: int


@dataclass(frozen=True)
class Cluster:
    """A Dask cluster, by the address of its scheduler. Over TLS each side shows a certificate of the CA."""

    address: str
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    relay: Relay | None = None

    def tls(self) -> dict[str, str]:
        """As Dask's Security takes it. What is not given is as Dask's own configuration says."""
        files = {
            "tls_ca_file": self.ca_file,
            "tls_client_cert": self.cert_file,
            "tls_client_key": self.key_file,
        }
        return {name: path for name, path in files.items() if path}


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """Where the process writes, and what it may use. It has no database."""

    part_path: str
    seconds_max: float
    memory_bytes_max: int
    file_bytes_max: int
    niceness: int
    cluster: Cluster | None = None  # without one, the process does everything itself
    file_limit_code: ClassVar[str]


@dataclass(frozen=True, kw_only=True)
class TrainingAssignment(Assignment):
    file_limit_code = "model_too_large"

    model_uuid: str
    table_path: str
    dialect: dict
    features: list[dict]  # tables.Column dictionaries, in the order of the pipeline
    target: dict
    plan: dict
    split_column: dict | None = None  # what the evaluation goes by, where it is no feature
    earlier: EarlierModel | None = None  # the model that is trained again


@dataclass(frozen=True, kw_only=True)
class BatchAssignment(Assignment):
    file_limit_code = "result_too_large"

    model_path: str
    model_signature: dict  # arguments of model_files.read
    model_facts: dict  # of serving.ModelFacts
    question_path: str
    reading: dict  # of batches.Reading
    rows: int
    threshold: float | None


# Kinds of messages from the process, each {"kind": …, …}
PROGRESS = "progress"  # progress from 0 to 1, note, and details: further fields of the job
TRAFFIC = "traffic"  # traffic: how much has travelled to and from a Dask cluster
DONE = "done"  # facts about what was made; of a training the fields of FitResult without the pipeline
REFUSED = "refused"  # code and message for the user
CRASHED = "crashed"  # error, the class of the exception, and its frames
