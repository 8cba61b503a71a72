import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.db.models.functions import Now

from mlmodels.models import TrainingRun
from mlmodels.operations import jobs
from mlmodels.tests.factories import start_run

pytestmark = pytest.mark.django_db


def test_it_says_what_became_of_the_lost_runs(alice):
    run = jobs.claim(job=start_run(alice), worker="gone")
    TrainingRun.objects.filter(pk=run.pk).update(lease_until=Now() - timedelta(seconds=1))
    output = io.StringIO()

    call_command("recover_runs", stdout=output)
    call_command("recover_runs", stdout=output)

    assert output.getvalue().splitlines() == [
        "1 queued, 0 failed, 0 cancelled; 0 orphaned files removed",
        "0 queued, 0 failed, 0 cancelled; 0 orphaned files removed",
    ]


def test_a_database_that_does_not_answer_has_an_exit_code_of_its_own(monkeypatch):
    def gone(*args):
        raise OperationalError("gone")

    monkeypatch.setattr("django.db.models.query.QuerySet._fetch_all", gone)

    with pytest.raises(CommandError, match="not responding") as refused:
        call_command("recover_runs")

    assert refused.value.returncode == 3
