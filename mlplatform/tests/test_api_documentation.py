"""The first example of docs/api.md, run as it is written."""

import json
import re
import subprocess
import time

import pytest

from mlmodels.models import TrainedModel
from mlmodels.tests.factories import work_off
from mlplatform.settings import BASE_DIR

LOCAL = "http://127.0.0.1:8000"


@pytest.mark.django_db(transaction=True)
def test_a_stranger_gets_a_prediction_by_the_first_example(live_server, settings, tmp_path):
    section = (BASE_DIR / "docs/api.md").read_text().partition("## A prediction in five minutes")[2]
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

    assert shell.returncode == 0 and '{"predictions"' in written, complaints + written
    answer = json.loads(written[written.index('{"predictions"') :])
    assert answer["predictions"][0]["prediction"] == pytest.approx(95 * 2000 + 90_000 + 20_000, rel=0.1)
    assert answer["tokens_deducted"] == 5
    assert TrainedModel.objects.get().feature_names == ["area", "district"]  # nothing was left out
