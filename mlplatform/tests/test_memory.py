"""How much memory a web process takes for the largest upload, as a real process that serves it."""

import random
import subprocess
import sys

import pytest
from urllib3.filepost import encode_multipart_formdata

from mlmodels.tests.web_server import WebServer
from mlplatform.settings import BASE_DIR
from mlplatform.tests.object_storage import Bucket

pytestmark = [
    pytest.mark.sqlite_only,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]

UPLOAD_BYTES = 50_000_000  # MAX_UPLOAD_MB as it is delivered
WEB_PROCESS_MB_MAX = 400
CREDENTIALS = {"email": "alice@example.com", "pwd": "a long pass phrase 17"}
FORM = {"model_type": "linear", "feature_cols": "size,rooms,place", "label_col": "price"}


@pytest.fixture(params=["disk", "bucket"])
def server(environment, tmp_path, request):
    """An installation of its own, without a worker: what is ordered stays in the queue."""
    storage = Bucket(request.getfixturevalue("s3_server")).environment if request.param == "bucket" else {}
    subprocess.run([sys.executable, "manage.py", "migrate"], cwd=BASE_DIR, env=environment, check=True)
    made = WebServer(tmp_path, environment["DATABASE_URL"], WEB_PROCESSES="1", **storage)
    try:
        yield made.start()
    finally:
        made.end()


def large_table():
    """Numbers, words, and a remark that is another one in every row."""
    draw = random.Random(42)
    lines = ["size,rooms,place,remark,price"]
    left = UPLOAD_BYTES - len(lines[0])
    while left > 300:
        size, rooms, place = draw.random() * 200, len(lines) % 7, ("city", "village", "coast")[len(lines) % 3]
        remark = f"{len(lines)} as seen on that day, " + "and again on the next, " * 7
        lines.append(f'{size:.6f},{rooms},{place},"{remark}",{1000 * size + 5000 * rooms:.2f}')
        left -= len(lines[-1]) + 1
    return "\n".join(lines).encode()


def test_the_largest_upload_leaves_a_web_process_small(server):
    server.ask("POST", "/api/user/create", CREDENTIALS)
    token = server.ask("POST", "/api/user/login", CREDENTIALS)[1]["access_token"]
    file, before = large_table(), server.peak_mb()
    form, content_type = encode_multipart_formdata({**FORM, "csv_file": ("houses.csv", file)})
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": content_type,
        "Prefer": "respond-async",
    }

    status, answer = server.ask("POST", "/api/create", form, headers)

    after = server.peak_mb()
    print(f"a web process took {before:.0f} MB before and {after:.0f} MB at most with {len(file):,} bytes")
    assert (status, answer["status"]) == (202, "accepted"), answer
    assert after < WEB_PROCESS_MB_MAX
