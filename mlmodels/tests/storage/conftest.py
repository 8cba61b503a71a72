import pytest

from mlmodels.operations import predictions
from mlmodels.tests.worker.conftest import in_background  # noqa: F401 - a fixture


@pytest.fixture(autouse=True)
def own_machine(settings, tmp_path, monkeypatch):
    """A disk of its own, and no model in memory."""
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(predictions, "LOADED", type(predictions.LOADED)(predictions.LOADED.bytes_max))
