"""Large tables on their way to a Dask cluster through object storage."""

import logging
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mlmodels.errors import ClusterUnavailable
from mlmodels.learning.trainers.checks import check_features
from mlmodels.models import PendingFile
from mlmodels.tests.factories import make_dataset, train_model
from mlmodels.worker import trainings
from mlmodels.worker.assignment import Relay
from mlmodels.worker.cluster import DaskExecutor
from mlmodels.worker.cluster_tasks import carry_out, versions
from mlplatform.core import storage
from mlplatform.tests.processes import PATIENCE_SECONDS

pytest.importorskip("distributed", reason="requirements-cluster.txt is not installed")
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("work_space"),
    pytest.mark.sqlite_only,  # which database it is plays no part
]

SEARCH = {"algorithm": "knn", "grid": {"n_neighbors": [3, 5, 9]}}
NOWHERE = "http://127.0.0.1:9/table"


@pytest.fixture
def relay(bucket):
    return Relay(*storage.relay_urls("tables/1", seconds=60), bytes_min=1_000)


@pytest.fixture
def frame():
    return pd.DataFrame(np.zeros((1_000, 2)), columns=["a", "b"])


def traffic_of(cluster, relay, frame) -> dict:
    """Of one task that takes the frame."""
    reached_by, seen = replace(cluster.reached_by, relay=relay), {}
    with DaskExecutor(reached_by, seen.update) as executor:
        executor.share(frame)
        assert executor.submit(check_features, frame, ()).result(timeout=PATIENCE_SECONDS) is None
    return seen


def test_a_table_on_object_storage_is_read_there_and_not_sent(cluster, bucket, relay, frame):
    traffic = traffic_of(cluster, relay, frame)

    assert bucket.names() == ["tables/1"]
    assert traffic["stored_bytes"] == len(bucket.read("tables/1")) > frame.size * 8
    assert traffic["shared_bytes"] == 0


def test_a_small_table_is_sent(cluster, bucket, relay, frame):
    traffic = traffic_of(cluster, relay, frame[:10])

    assert bucket.names() == []
    assert traffic["shared_bytes"] > traffic["stored_bytes"] == 0


@pytest.mark.parametrize("away", ["write_url", "read_url"])
def test_a_table_is_sent_if_we_or_the_dask_workers_do_not_reach_the_storage(away, cluster, relay, frame):
    traffic = traffic_of(cluster, replace(relay, **{away: NOWHERE}), frame)

    assert traffic["shared_bytes"] > traffic["stored_bytes"] == 0


def test_a_table_is_sent_if_the_storage_answers_something_else(cluster, bucket, relay, frame):
    bucket.write("tables/2", b"something else")
    _, other = storage.relay_urls("tables/2", seconds=60)

    traffic = traffic_of(cluster, replace(relay, read_url=other), frame)

    assert traffic["shared_bytes"] > traffic["stored_bytes"] == 0


def test_a_table_that_is_lost_on_the_cluster_and_on_the_storage_is_a_refusal():
    outcome = pickle.loads(carry_out(versions(), b"", None))

    assert isinstance(outcome.error, ClusterUnavailable)


def test_a_run_leaves_nothing_of_its_table_on_the_storage(
    alice, cluster, bucket, settings, monkeypatch, caplog
):
    monkeypatch.setattr(trainings, "RELAYED_BYTES_MIN", 1_000)
    dataset = make_dataset(alice)

    with caplog.at_level(logging.INFO, logger="mlmodels.worker.supervision"):
        there = train_model(alice, dataset, **SEARCH)

    traffic = next(record.fields for record in caplog.records if record.message == "Used the Dask cluster")
    assert traffic["stored_bytes"] > 1_000
    assert bucket.names("tables/") == []
    assert not PendingFile.objects.exists()
    settings.DASK_SCHEDULER = ""
    assert train_model(alice, dataset, **SEARCH).sha256 == there.sha256


def test_without_object_storage_the_table_is_sent(alice, cluster, monkeypatch, caplog):
    monkeypatch.setattr(trainings, "RELAYED_BYTES_MIN", 1_000)

    with caplog.at_level(logging.INFO, logger="mlmodels.worker.supervision"):
        train_model(alice, **SEARCH)

    traffic = next(record.fields for record in caplog.records if record.message == "Used the Dask cluster")
    assert traffic["shared_bytes"] > traffic["stored_bytes"] == 0
