import pytest
from django.contrib.auth.decorators import login_not_required
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import JsonResponse
from django.test import Client
from django.urls import path
from rest_framework.decorators import api_view, authentication_classes, parser_classes, permission_classes
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from mlplatform.urls import handler400, handler500  # noqa: F401
from mlplatform.urls import urlpatterns as urls_of_the_project


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
@parser_classes([MultiPartParser])
def endpoint(request):
    return Response({"bytes": request.data["csv_file"].size})


@login_not_required
def page(request):
    return JsonResponse({"bytes": request.FILES["csv_file"].size})


urlpatterns = [path("api/upload", endpoint), path("upload", page), *urls_of_the_project]

pytestmark = pytest.mark.urls(__name__)

MEGABYTE = 1_000_000
DOORS = pytest.mark.parametrize("address", ["/api/upload", "/upload"])


@pytest.fixture(autouse=True)
def limit_of_two_megabytes(settings):
    settings.MAX_UPLOAD_MB = 2


@pytest.fixture
def upload(pages_of, alice):
    def upload(address, size):
        return pages_of(alice).post(address, {"csv_file": SimpleUploadedFile("houses.csv", b"x" * size)})

    return upload


@DOORS
def test_a_file_at_the_limit_is_taken(upload, address):
    response = upload(address, 2 * MEGABYTE)

    assert response.status_code == 200
    assert response.json() == {"bytes": 2 * MEGABYTE}


@DOORS
@pytest.mark.parametrize("size", [2 * MEGABYTE + 1, 4 * MEGABYTE])
def test_a_larger_file_is_refused_with_the_limit(upload, address, size):
    response = upload(address, size)

    assert response.status_code == 413
    assert "larger than 2 MB" in response.content.decode()


def test_a_file_that_is_announced_too_large_is_refused_before_it_is_read():
    response = Client().generic(
        "POST",
        "/api/upload",
        b"never looked at",
        content_type="multipart/form-data; boundary=b",
        CONTENT_LENGTH=9 * MEGABYTE,
    )

    assert response.status_code == 413


def test_the_limit_also_holds_where_the_form_is_read_to_find_its_token(alice):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    client.cookies["csrftoken"] = "x" * 32

    response = client.post("/upload", {"csv_file": SimpleUploadedFile("a.csv", b"x" * 3 * MEGABYTE)})

    assert response.status_code == 413


@pytest.mark.parametrize("address", ["/upload", "/datasets/", "/accounts/login/", "/admin/login/"])
@pytest.mark.parametrize("cookies", [{}, {"sessionid": "x" * 32}])
def test_a_large_form_of_an_anonymous_visitor_is_refused_before_it_is_read(db, monkeypatch, address, cookies):
    def read(*_):
        raise AssertionError("the form was parsed")

    monkeypatch.setattr("django.http.multipartparser.MultiPartParser.parse", read)
    client = Client(enforce_csrf_checks=True)
    client.cookies.load({"csrftoken": "x" * 32, **cookies})

    response = client.post(address, {"csv_file": SimpleUploadedFile("a.csv", b"x" * (MEGABYTE + 1))})

    assert response.status_code == 401
    assert "Log in before you upload a file." in response.content.decode()


def test_more_than_one_file_is_refused():
    files = {name: SimpleUploadedFile("a.csv", b"a") for name in ("csv_file", "another")}

    assert Client().post("/upload", files).status_code == 400
