import os
import subprocess
import sys

import pytest
from django.db import connection

from mlplatform.settings import BASE_DIR

KEPT = ("PATH", "HOME", "LANG", "TEST_DATABASE_URL")


@pytest.mark.django_db
def test_the_engine_is_the_one_that_was_asked_for(request):
    assert connection.vendor == request.config.getoption("engine")


def test_both_engines_run_and_the_output_ends_in_a_summary_of_each():
    ended = subprocess.run(
        [sys.executable, "-m", "mlplatform.tests.both_engines", "-p", "no:cacheprovider"]
        + [f"{__file__}::test_the_engine_is_the_one_that_was_asked_for"],
        cwd=BASE_DIR,
        env={name: os.environ[name] for name in KEPT if name in os.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )

    assert ended.returncode == 0, ended.stdout
    assert all(f"engine: {engine}" in ended.stdout for engine in ("sqlite", "postgresql"))
    assert all(" passed" in line for line in ended.stdout.rstrip().splitlines()[-2:])
