"""Training runs and files on a Dask cluster of real processes, and what happens when parts of it die."""

import logging
import re
import shutil
from pathlib import Path

import pytest

from billing import operations as billing
from billing.verify import verify_ledger
from mlmodels.errors import ClusterDiffers, ClusterUnavailable
from mlmodels.learning.executors import wait_for
from mlmodels.learning.trainers.figures import written
from mlmodels.models import Batch, TrainedModel, TrainingRun
from mlmodels.operations import jobs
from mlmodels.tests.factories import (
    make_dataset,
    slow_csv,
    start_batch,
    start_run,
    train_model,
    work_off,
)
from mlmodels.tests.worker.dask_processes import DaskCluster, make_certificates
from mlmodels.worker import cluster as cluster_module
from mlmodels.worker.assignment import Cluster
from mlmodels.worker.cluster import DaskExecutor
from mlmodels.worker.cluster_tasks import versions
from mlplatform.tests.fresh_process import imported_by
from mlplatform.tests.processes import PATIENCE_SECONDS, kill, until

pytest.importorskip("distributed", reason="requirements-cluster.txt is not installed")
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("work_space"),
    pytest.mark.sqlite_only,  # which database it is plays no part
]

PROJECT = Path(__file__).resolve().parents[3]
SEARCH = {"algorithm": "knn", "grid": {"n_neighbors": [3, 5, 9], "weights": ["uniform", "distance"]}}
SLOW_SEARCH = {
    "algorithm": "random_forest",
    "target": "sum",
    "grid": {"n_estimators": [60], "min_samples_leaf": [1, 2, 3, 4]},
}
CLOCKED = ("seconds", "milliseconds_per_row")


@pytest.fixture
def own_cluster(tmp_path, settings):
    """One that a test may break."""
    folder = tmp_path / "dask"
    folder.mkdir()
    with DaskCluster(folder) as cluster:
        settings.DASK_SCHEDULER = cluster.address
        yield cluster


def leaderboard(model):
    rows = model.report["candidates"]
    return [{name: row[name] for name in row if name not in CLOCKED} for row in rows]


def is_searching(run):
    rows = TrainingRun.objects.get(pk=run.pk).candidates
    return any(row["status"] == "done" for row in rows)


def has_ended(run):
    return not TrainingRun.objects.get(pk=run.pk).is_open


def assert_refunded(user):
    user.refresh_from_db()
    assert user.token_balance == 15
    assert list(user.ledger_entries.order_by("seq").values_list("amount", flat=True)) == [15, -1, 1]
    assert not TrainedModel.objects.exists()
    assert verify_ledger() == []


def test_a_search_on_the_cluster_makes_the_same_leaderboard_and_the_same_file(alice, cluster, settings):
    dataset = make_dataset(alice)

    there = train_model(alice, dataset, **SEARCH)

    settings.DASK_SCHEDULER = ""
    here = train_model(alice, dataset, **SEARCH)
    assert leaderboard(there) == leaderboard(here)
    assert there.metrics == here.metrics
    assert there.sha256 == here.sha256


def test_a_file_predicted_on_the_cluster_is_the_same(alice, cluster, settings):
    billing.grant(user=alice, amount=485, reason="gift", operation="gift:1")
    model, answers = train_model(alice, **SEARCH), []
    rows = (f"{40 + n % 97},{1 + n % 5},coast,{'x' * 200}\n" for n in range(25_000))
    content = ("size,rooms,place,note\n" + "".join(rows)).encode()  # three chunks

    for address in (cluster.address, ""):
        settings.DASK_SCHEDULER = address
        batch = start_batch(alice, model, content)
        work_off()
        batch = Batch.objects.get(pk=batch.pk)
        assert batch.status == "succeeded", batch.error
        answers.append(batch.answer.read())

    assert answers[0] == answers[1]
    assert answers[0].count(b"\n") == 25_001


def test_what_travels_is_logged_and_the_cluster_is_left_empty(alice, cluster, caplog):
    with caplog.at_level(logging.INFO, logger="mlmodels.worker.supervision"):
        train_model(alice, **SEARCH)

    traffic = next(record.fields for record in caplog.records if record.message == "Used the Dask cluster")
    assert traffic["tasks"] == 31  # 6 x 5 folds, and the fit that is measured
    assert 0 < traffic["shared_bytes"] < 200_000
    assert traffic["sent_bytes"] and traffic["received_bytes"]
    until(lambda: cluster.tasks() == [])


def test_names_of_tasks_say_nothing_about_the_data(alice, cluster, in_background):
    run = start_run(alice, make_dataset(alice, slow_csv()), **SLOW_SEARCH)
    in_background(run)
    names = until(lambda: cluster.tasks())
    jobs.cancel(job=TrainingRun.objects.get(pk=run.pk))

    assert all(name.partition("-")[0] in ("fit_fold", "shared") for name in names)
    assert not any(word in name for name in names for word in ("sum", "random_forest", "alice"))


def test_cancelled_it_takes_its_tasks_back(alice, cluster, in_background):
    run = start_run(alice, make_dataset(alice, slow_csv()), **SLOW_SEARCH)
    in_background(run)
    until(lambda: len(cluster.tasks()) > 5)

    jobs.cancel(job=TrainingRun.objects.get(pk=run.pk))

    until(lambda: has_ended(run))
    until(lambda: cluster.tasks() == [])
    assert_refunded(alice)


def test_a_lost_dask_worker_costs_its_tasks_and_not_the_run(alice, own_cluster, in_background):
    run = start_run(alice, make_dataset(alice, slow_csv()), **SLOW_SEARCH)
    in_background(run)
    until(lambda: is_searching(run))

    kill(own_cluster.workers[0])

    until(lambda: has_ended(run))
    run.refresh_from_db()
    assert run.status == "succeeded", run.error
    assert [row["status"] for row in run.trained_model.report["candidates"]] == ["done"] * 4


def test_a_dask_worker_lost_while_a_value_is_copied_to_all_costs_nothing(own_cluster, monkeypatch):
    import distributed

    def lose_worker(client, futures):
        kill(own_cluster.workers[0])
        raise ValueError("Sample larger than population or is negative")  # as the scheduler does

    monkeypatch.setattr(distributed.Client, "replicate", lose_worker)
    value = 1234.5

    with DaskExecutor(own_cluster.reached_by, print) as executor:
        executor.share(value)

        assert wait_for(executor.submit(written, value)) == written(value)


def test_with_the_scheduler_lost_the_run_is_refunded_and_the_worker_takes_the_next(
    alice, own_cluster, in_background, settings
):
    run = start_run(alice, make_dataset(alice, slow_csv()), **SLOW_SEARCH)
    in_background(run)
    until(lambda: is_searching(run))

    kill(own_cluster.scheduler)

    until(lambda: has_ended(run))
    run.refresh_from_db()
    assert (run.status, run.error_code) == ("failed", "cluster_unavailable")
    assert "stopped answering" in run.error
    assert_refunded(alice)
    assert train_model(alice).algorithm == "linear"


def test_a_cluster_that_cannot_be_reached_is_a_refusal(monkeypatch):
    monkeypatch.setattr(cluster_module, "CONNECT_SECONDS", 0.5)

    with (
        DaskExecutor(Cluster("tcp://127.0.0.1:9"), print) as executor,
        pytest.raises(ClusterUnavailable, match="cannot be reached"),
    ):
        assert executor.slots


@pytest.fixture(scope="module")
def tls_cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    with DaskCluster(folder, workers=1, tls=make_certificates(folder)) as cluster:
        yield cluster


def test_a_search_goes_over_tls_with_certificates_of_the_same_ca(alice, tls_cluster, settings, caplog):
    settings.DASK_SCHEDULER = tls_cluster.address
    settings.DASK_TLS_CA = tls_cluster.reached_by.ca_file
    settings.DASK_TLS_CERT = tls_cluster.reached_by.cert_file
    settings.DASK_TLS_KEY = tls_cluster.reached_by.key_file

    with caplog.at_level(logging.INFO, logger="mlmodels.worker.supervision"):
        model = train_model(alice, **SEARCH)

    assert tls_cluster.address.startswith("tls://")
    assert [row["status"] for row in leaderboard(model)] == ["done"] * 6
    assert "Used the Dask cluster" in caplog.messages


def test_a_cluster_with_tls_takes_no_tasks_without_a_certificate_of_its_ca(
    tls_cluster, tmp_path, monkeypatch
):
    monkeypatch.setattr(cluster_module, "CONNECT_SECONDS", 2)
    plain = tls_cluster.address.replace("tls://", "tcp://")
    of_another_ca = make_certificates(tmp_path)
    mixed = of_another_ca | {"ca_file": tls_cluster.reached_by.ca_file}

    for reached_by in (
        Cluster(tls_cluster.address),
        Cluster(tls_cluster.address, **mixed),
        Cluster(plain),
    ):
        with (
            DaskExecutor(reached_by, print) as executor,
            pytest.raises(ClusterUnavailable, match="cannot be reached"),
        ):
            assert executor.slots


def test_a_cluster_that_cannot_show_a_certificate_of_the_ca_gets_no_tasks(
    cluster, tls_cluster, tmp_path, monkeypatch
):
    monkeypatch.setattr(cluster_module, "CONNECT_SECONDS", 2)
    of_another_ca = make_certificates(tmp_path)

    for address in (cluster.address, tls_cluster.address):  # the first knows no TLS
        with (
            DaskExecutor(Cluster(address, **of_another_ca), print) as executor,
            pytest.raises(ClusterUnavailable, match="cannot be reached"),
        ):
            assert executor.slots


def test_another_release_of_ours_on_the_cluster_is_refused_by_name(tmp_path):
    for package in ("mlmodels", "mlplatform"):
        shutil.copytree(PROJECT / package, tmp_path / package, ignore=shutil.ignore_patterns("tests"))
    with open(tmp_path / "mlmodels" / "learning" / "drift.py", "a") as source:
        source.write("# another release")

    with (
        DaskCluster(tmp_path, workers=1, project=tmp_path) as other,
        DaskExecutor(other.reached_by, print) as executor,
        pytest.raises(ClusterDiffers) as refused,
    ):
        assert executor.slots

    here = versions()["mlplatform"]
    assert re.search(f": mlplatform [0-9a-f]{{12}} instead of {here}. An admin", refused.value.message)


def test_a_dask_worker_that_joins_later_with_other_versions_is_refused(cluster, monkeypatch):
    here = {**versions(), "pandas": "0.2"}

    with DaskExecutor(cluster.reached_by, print) as executor:
        assert executor.slots  # all were the same when it connected
        monkeypatch.setattr(cluster_module, "versions", lambda: here)
        with pytest.raises(ClusterDiffers, match="pandas .* instead of 0.2"):
            executor.submit(written, 1.0).result(timeout=PATIENCE_SECONDS)


def test_a_cluster_without_our_code_is_refused(tmp_path):
    with (
        DaskCluster(tmp_path, workers=1, project=tmp_path) as bare,
        DaskExecutor(bare.reached_by, print) as executor,
        pytest.raises(ClusterDiffers, match="mlplatform is missing"),
    ):
        assert executor.slots


def test_only_functions_of_ours_are_sent(cluster):
    with DaskExecutor(cluster.reached_by, print) as executor, pytest.raises(AssertionError):
        executor.submit(print, "hello")


def test_without_the_variable_nothing_of_dask_is_imported():
    code = "from mlmodels.worker import child, cluster; cluster.executor_for(None, print).__enter__()"

    assert imported_by(code, {"dask", "distributed", "tornado"}) == set()
