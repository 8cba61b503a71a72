"""The first examples of docs/api.md and the README, run as they are written."""

import json
import re
import subprocess
import time

import pytest

from mlmodels.api import waiting
from mlmodels.models import TrainedModel
from mlmodels.tests.factories import work_off
from mlplatform.settings import BASE_DIR

LOCAL = "http://127.0.0.1:8000"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run_example(live_server, tmp_path):
    """Runs the first block of a shell below this title; what it writes. A worker is running meanwhile."""

    def run(document, title):
        section = (BASE_DIR / document).read_text().partition(title)[2]
        example = re.search(r"```sh\n(.*?)```", section, re.DOTALL)[1]
        assert LOCAL in example
        shell = subprocess.Popen(
            ["sh", "-ec", example.replace(LOCAL, live_server.url)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        until = time.monotonic() + 120
        while shell.poll() is None and time.monotonic() < until:
            work_off()
            time.sleep(0.1)
        written, complaints = shell.communicate(timeout=30)
        assert shell.returncode == 0, complaints + written
        return written, complaints

    return run


def test_a_stranger_gets_a_prediction_by_the_first_example(run_example):
    written, complaints = run_example("docs/api.md", "## A prediction in five minutes")

    assert '{"predictions"' in written, complaints + written
    answer = json.loads(written[written.index('{"predictions"') :])
    assert answer["predictions"][0]["prediction"] == pytest.approx(95 * 2000 + 90_000 + 20_000, rel=0.1)
    assert answer["tokens_deducted"] == 5
    assert TrainedModel.objects.get().feature_names == ["area", "district"]  # nothing was left out


@pytest.mark.parametrize("wait_seconds", [60, 0.5], ids=["a quick machine", "a slow one"])
def test_the_example_of_the_readme_ends_in_a_prediction(run_example, monkeypatch, wait_seconds):
    monkeypatch.setattr(waiting, "WAIT_SECONDS_MAX", wait_seconds)

    written, complaints = run_example("README.md", "## From a CSV to a paid prediction, with curl")

    assert ('"accepted"' in complaints) == (wait_seconds < 1)
    [prediction] = re.findall(r'"prediction":([0-9.]+)', written)
    assert float(prediction) == pytest.approx(2500 * 120, rel=0.1)
    assert '"tokens":9}' in written
