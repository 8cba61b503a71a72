import pytest
from django.db import connection


@pytest.mark.django_db
def test_the_engine_is_the_one_that_was_asked_for(request):
    assert connection.vendor == request.config.getoption("engine")
