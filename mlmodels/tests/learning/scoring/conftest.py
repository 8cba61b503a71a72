import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="package")
def one_thread_per_fit():
    """Small fits only lose by waiting for a second core that something else keeps busy."""
    with threadpool_limits(limits=1):
        yield
