"""A large value on its way to Dask workers through object storage, past the scheduler.

The scheduler would hold it several times over. Neither the process that writes it nor the Dask workers that
read it have a key of the storage: they get URLs, which are good for this one file and for a while.
"""

import hashlib
from http.client import HTTPException
from urllib.request import Request, urlopen

from mlmodels.worker.assignment import Relay
from mlmodels.worker.cluster_tasks import Packed

SECONDS = 15  # without a byte


def write(relay: Relay, data: bytes) -> bool:
    """Uploads the data, and returns whether it is stored."""
    headers = {"Content-Type": "application/octet-stream"}
    request = Request(relay.write_url, data, headers, method="PUT")  # noqa: S310 - a URL of our storage
    try:
        urlopen(request, timeout=SECONDS).close()  # noqa: S310 - the same
    except (OSError, HTTPException):
        return False
    return True


def read_packed(name: str, url: str, sha256: str) -> Packed | None:
    """A task: the value, or None if it is not there as it was written.

    Raises nothing, since Dask would write the URL to its log.
    """
    try:
        with urlopen(url, timeout=SECONDS) as response:  # noqa: S310 - a URL of our storage
            data = response.read()
    except (OSError, HTTPException):
        return None
    return Packed(name, data) if hashlib.sha256(data).hexdigest() == sha256 else None
