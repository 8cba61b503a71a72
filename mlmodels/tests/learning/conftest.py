import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    """As in a training process: on a busy machine a second thread costs more than it brings."""
    with threadpool_limits(1):
        yield
