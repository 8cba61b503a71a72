"""Stops an upload that exceeds the limit while it arrives. Django itself does not limit files."""

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler

FORM_BYTES_MAX = settings.DATA_UPLOAD_MAX_MEMORY_SIZE  # of everything around the file
REQUEST_BYTES_MAX = settings.MAX_UPLOAD_MB * 1_000_000 + FORM_BYTES_MAX


class UploadTooLarge(RequestDataTooBig):
    """A subclass of Django's error, since any middleware that reads the form may raise it."""


class LimitedUploadHandler(FileUploadHandler):
    """The first of FILE_UPLOAD_HANDLERS: counts the bytes and passes them on."""

    def __init__(self, request=None):
        super().__init__(request)
        self.bytes_max = settings.MAX_UPLOAD_MB * 1_000_000
        self.bytes_received = 0

    def handle_raw_input(self, input_data, META, content_length, boundary, encoding=None):
        if content_length > self.bytes_max + FORM_BYTES_MAX:
            self.refuse()

    def receive_data_chunk(self, raw_data, start):
        self.bytes_received += len(raw_data)
        if self.bytes_received > self.bytes_max:
            self.refuse()
        return raw_data

    def file_complete(self, file_size):
        return None

    def refuse(self):
        raise UploadTooLarge(f"The file is larger than {settings.MAX_UPLOAD_MB} MB.")
