"""Long answers piece by piece: memory stays small, however many rows there are."""

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet
from django.http import StreamingHttpResponse

ROWS_READ_AT_ONCE = 500
BLOCK_CHARACTERS = 64_000


def read_in_chunks(rows: QuerySet, *, by: str) -> Iterator:
    """Every row in the order of `by`, a unique column; "-id" is the descending order.

    Each chunk is a query of its own. One query for all would keep a snapshot of the database open for as long
    as a slow client reads, and SQLite's log would grow meanwhile.
    """
    column, lookup = by.lstrip("-"), "lt" if by.startswith("-") else "gt"
    rows = rows.order_by(by)
    chunk = list(rows[:ROWS_READ_AT_ONCE])
    while chunk:
        yield from chunk
        chunk = list(rows.filter(**{f"{column}__{lookup}": getattr(chunk[-1], column)})[:ROWS_READ_AT_ONCE])


def json_object(sections: Mapping) -> Iterator[str]:
    """A JSON object in pieces. A section that is an iterator becomes an array and is read only then."""
    opening = "{\n"
    for name, section in sections.items():
        yield f"{opening}  {_as_json(name)}: "
        opening = ",\n"
        if isinstance(section, Iterator):
            yield from _json_array(section)
        else:
            yield _as_json(section)
    yield "\n}\n"


class _Sent(io.RawIOBase):
    """What a ZIP is written to: it cannot be sought in, and gives away what it got."""

    def __init__(self):
        self.blocks = []

    def writable(self):
        return True

    def write(self, block):
        self.blocks.append(bytes(block))
        return len(block)

    def take(self) -> bytes:
        taken, self.blocks = b"".join(self.blocks), []
        return taken


def zip_archive(files: Iterable[tuple[str, Iterable[bytes]]]) -> Iterator[bytes]:
    """A ZIP in pieces. Names and contents of the files are read when it is their turn."""
    sent = _Sent()
    with zipfile.ZipFile(sent, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, blocks in files:
            with archive.open(name, "w", force_zip64=True) as member:
                for block in blocks:
                    member.write(block)
                    if piece := sent.take():
                        yield piece
    yield sent.take()


def download(blocks: Iterable[str | bytes], *, content_type: str, file_name: str) -> StreamingHttpResponse:
    """A file that browsers save; `blocks` are read while they are sent."""
    disposition = {"Content-Disposition": f'attachment; filename="{file_name}"'}
    return StreamingHttpResponse(blocks, content_type=content_type, headers=disposition)


def in_blocks(pieces: Iterable[str]) -> Iterator[str]:
    """The same text in blocks worth sending."""
    block, characters = [], 0
    for piece in pieces:
        block.append(piece)
        characters += len(piece)
        if characters >= BLOCK_CHARACTERS:
            yield "".join(block)
            block, characters = [], 0
    yield "".join(block)


def _json_array(items: Iterator) -> Iterator[str]:
    separator = ""
    yield "["
    for item in items:
        yield f"{separator}\n    {_as_json(item)}"
        separator = ","
    yield "\n  ]"


def _as_json(value) -> str:
    return json.dumps(value, ensure_ascii=False, cls=DjangoJSONEncoder)
