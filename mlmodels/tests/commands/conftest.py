import pytest


@pytest.fixture
def ctrl_c(db, monkeypatch):
    """Is pressed once, while the command waits for a worker that does nothing."""
    from mlmodels.models import Worker
    from mlmodels.worker import loop

    Worker.objects.create(name="a worker that does nothing")
    presses = iter([KeyboardInterrupt])

    def press_once(seconds):
        for press in presses:
            raise press

    monkeypatch.setattr(loop.time, "sleep", press_once)
