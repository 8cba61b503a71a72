"""Files on S3 or a compatible service, through django-storages. Loaded only if STORAGE_URL is set.

Errors of the service are raised as FileNotFoundError or StorageUnavailable.
"""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from urllib.parse import urlsplit

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.exceptions import ImproperlyConfigured
from django.core.files import File
from django.utils.http import content_disposition_header
from s3transfer.exceptions import RetriesExceededError
from storages.backends.s3 import S3Storage

from mlplatform.core.errors import StorageUnavailable

CONNECT_SECONDS = 3
READ_SECONDS = 15  # without a byte; a large file may take longer
ATTEMPTS = 3  # of each request, the first included
PART_BYTES = 8_000_000  # of a large file, which S3 takes in at most 10,000 parts
PARTS_AT_ONCE = 2  # in memory
CONNECTIONS_MAX = 32  # of all threads of a process
COPY_MEMORY_BYTES = 1_000_000  # of a file that is read; a larger one is copied to a temporary file
LINK_SECONDS = 60  # for a client to begin a download

lock = threading.Lock()


def options_of(url: str) -> dict[str, str]:
    """Bucket and folder of a STORAGE_URL: `s3://bucket` or `s3://bucket/folder`."""
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc:
        raise ImproperlyConfigured(f"STORAGE_URL must be s3://bucket or s3://bucket/folder, not {url}.")
    return {"bucket_name": parts.netloc, "location": parts.path.strip("/")}


class ObjectStorage(S3Storage):
    """Safe to share between threads: they use one client, which takes 13 MB and a fifth of a second to make.

    `public_url` is the address at which browsers reach the service, if it differs from ours.
    """

    def __init__(self, *, url: str, endpoint_url: str = "", public_url: str = "", **options):
        # What every service understands: no checksums in trailers, and signatures of version 4
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            max_pool_connections=CONNECTIONS_MAX,
            signature_version="s3v4",
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        transfers = TransferConfig(
            multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=PARTS_AT_ONCE
        )
        transfers.max_in_memory_upload_chunks = PARTS_AT_ONCE  # boto3 has no argument for it
        super().__init__(
            **options_of(url),
            **options,
            endpoint_url=endpoint_url or None,
            client_config=config,
            transfer_config=transfers,
        )
        self.public_url = public_url
        self.has_links = bool(public_url or not endpoint_url)

    @property
    def connection(self):
        with lock:
            return self._shared_connection

    def signed_url(self, name: str, *, file_name: str, content_type: str) -> str | None:
        """A link with which anybody can download the file for LINK_SECONDS; None without a public address."""
        if not self.has_links:
            return None
        asked = {
            "Bucket": self.bucket_name,
            "Key": self._normalize_name(name),
            "ResponseContentType": content_type,
            "ResponseContentDisposition": content_disposition_header(True, file_name),
            "ResponseCacheControl": "no-store",
        }
        with lock:
            client = self._public_client
        return client.generate_presigned_url("get_object", Params=asked, ExpiresIn=LINK_SECONDS)

    def relay_urls(self, name: str, *, seconds: int) -> tuple[str, str]:
        """To write this file and to read it, for so long, by whoever has them and reaches the service."""
        asked = {"Bucket": self.bucket_name, "Key": self._normalize_name(name)}
        client = self.connection.meta.client
        write_url, read_url = (
            client.generate_presigned_url(method, Params=asked, ExpiresIn=seconds)
            for method in ("put_object", "get_object")
        )
        return write_url, read_url

    def discard_parts(self, name: str) -> None:
        """Deletes the parts of interrupted uploads, which appear in no listing and are billed."""
        key, client = self._normalize_name(name), self.connection.meta.client
        with as_our_errors(name):
            found = client.list_multipart_uploads(Bucket=self.bucket_name, Prefix=key).get("Uploads", [])
            for upload in found:
                client.abort_multipart_upload(
                    Bucket=self.bucket_name, Key=upload["Key"], UploadId=upload["UploadId"]
                )

    def exists(self, name: str) -> bool:
        with as_our_errors(name):
            return super().exists(name)

    def delete(self, name: str) -> None:
        with as_our_errors(name):
            super().delete(name)

    def size(self, name: str) -> int:
        with as_our_errors(name):
            return super().size(name)

    def get_modified_time(self, name: str) -> datetime:
        with as_our_errors(name):
            return super().get_modified_time(name)

    def listdir(self, name: str) -> tuple[list[str], list[str]]:
        with as_our_errors(name):
            return super().listdir(name)

    def _open(self, name: str, mode: str = "rb") -> File:
        """A copy of the whole file, so that reading it cannot fail half-way. Closing it deletes it."""
        assert mode == "rb", "files are stored as a whole"
        copy = tempfile.SpooledTemporaryFile(COPY_MEMORY_BYTES)  # noqa: SIM115 - whoever opens it closes it
        try:
            with as_our_errors(name):
                self.connection.meta.client.download_fileobj(
                    self.bucket_name, self._normalize_name(name), copy, Config=self.transfer_config
                )
        except BaseException:
            copy.close()
            raise
        copy.seek(0)
        return File(copy, name)

    def _save(self, name: str, content: File) -> str:
        with as_our_errors(name):
            return super()._save(name, content)

    @cached_property
    def _shared_connection(self):
        return super().connection

    @cached_property
    def _public_client(self):
        return self._create_session().client(
            "s3",
            region_name=self.region_name,
            endpoint_url=self.public_url or None,
            config=self.client_config,
        )


@contextmanager
def as_our_errors(name: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        is_missing = error.response["ResponseMetadata"]["HTTPStatusCode"] == 404
        if is_missing and error.response["Error"]["Code"] != "NoSuchBucket":
            raise FileNotFoundError(name) from error
        raise StorageUnavailable from error
    except (BotoCoreError, Boto3Error, RetriesExceededError) as error:
        raise StorageUnavailable from error
