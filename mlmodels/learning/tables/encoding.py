"""Which bytes are text: refuses binary files by name and finds the encoding of the others."""

import codecs
from typing import BinaryIO, NamedTuple

from mlmodels.learning.tables.errors import TableRefused

SAMPLE_BYTES = 65_536
_BLOCK_BYTES = 1 << 20
_ACCENTS_THAT_PROVE_UTF8 = 3  # in other text hardly one sequence of bytes is valid UTF-8 by chance
EMPTY = "The file is empty. Upload a CSV with a header row and at least one row of data."
_EXPORT = "Open it in the program that made it, save the table as CSV and upload that file."
_CONTROLS = bytes({*range(1, 32)} - set(b"\t\n\v\f\r\x1a\x1b"))  # NUL is refused with its row
_SIGNATURES = (
    (b"PK\x05\x06", "an empty ZIP archive"), (b"\x1f\x8b", "a gzip archive"), (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"), (b"7z\xbc\xaf", "a 7-Zip archive"), (b"Rar!", "a RAR archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"), (b"%PDF", "a PDF document"), (b"{\\rtf", "an RTF document"),
    (b"\xd0\xcf\x11\xe0", "an old Microsoft Office file such as .xls"), (b"\x89PNG", "a PNG picture"),
    (b"GIF8", "a GIF picture"), (b"\xff\xd8\xff", "a JPEG picture"), (b"RIFF", "a sound or video file"),
    (b"PAR1", "a Parquet file"), (b"ARROW1", "an Arrow file"), (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy file"), (b"SQLite format 3", "an SQLite database"), (b"\x7fELF", "a program"),
    ((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff"), "text in UTF-32"),
)  # fmt: skip
_MARKUP = (
    ((b"<!doctype html", b"<html"), "a web page (HTML)"),
    ((b"<?xml",), "an XML file"),
    ((b'{"', b"{\n", b"{\r\n", b"[{", b"[\n", b"[["), "a JSON file"),
)


def sniff_encoding(handle: BinaryIO) -> str:
    """The Python name of the encoding in which the whole file can be read.

    Reads all bytes in blocks. Valid UTF-8 is UTF-8, since other text practically never is; the rest is
    Windows-1252, or Latin-1 if a byte is undefined there.
    """
    handle.seek(0)
    sample = handle.read(SAMPLE_BYTES)
    _refuse_binary(sample)
    encoding = _sniff_by_nulls(sample)
    if encoding:
        if _first_damage(handle, encoding):
            raise TableRefused("The file looks like UTF-16 but is damaged. Save it again as CSV in UTF-8.")
        return encoding
    _refuse_control_characters(sample)
    utf8 = "utf-8-sig" if sample.startswith(codecs.BOM_UTF8) else "utf-8"
    damage = _first_damage(handle, utf8)
    if damage is None:
        return utf8
    if damage.accents_before >= _ACCENTS_THAT_PROVE_UTF8:
        raise TableRefused(
            f"The file is UTF-8 up to row {damage.row:,} but not after it. Save it again as CSV in UTF-8.",
            row=damage.row,
        )
    return "latin-1" if _first_damage(handle, "cp1252") else "cp1252"


def _refuse_binary(sample: bytes) -> None:
    if not sample.strip():
        raise TableRefused(EMPTY)
    if sample.startswith(b"PK\x03\x04"):
        is_workbook = b"xl/" in sample or b"[Content_Types].xml" in sample
        what = "an Excel workbook (.xlsx)" if is_workbook else "a ZIP archive"
        raise TableRefused(f"This is {what}, not a CSV file. {_EXPORT}")
    start = sample.lstrip(b"\xef\xbb\xbf \t\r\n")[:16].lower()
    found = [what for signature, what in _SIGNATURES if sample.startswith(signature)]
    found += [what for signatures, what in _MARKUP if start.startswith(signatures)]
    if found:
        raise TableRefused(f"This is {found[0]}, not a CSV file. {_EXPORT}")


def _refuse_control_characters(sample: bytes) -> None:
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    if controls * 20 > len(sample):
        raise TableRefused(f"This is not a text file, so not a CSV file. {_EXPORT}")


def _sniff_by_nulls(sample: bytes) -> str | None:
    """UTF-16 by its byte order mark, or by NUL in every other byte where Latin text or separators stand."""
    if sample.startswith(codecs.BOM_UTF16_LE) or sample.startswith(codecs.BOM_UTF16_BE):
        return "utf-16"
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if bool(even) == bool(odd):
        return None
    encoding = "utf-16-le" if odd else "utf-16-be"
    # In UTF-16 every line end is paired with a NUL; a stray NUL in other text pairs with anything
    line_ends = sample.count(b"\n") + sample.count(b"\r")
    text = sample.decode(encoding, errors="ignore")
    return encoding if (text.count("\n") + text.count("\r")) * 2 > line_ends else None


class _Damage(NamedTuple):
    """Where bytes stop being text of an encoding, and how much beyond ASCII was fine before."""

    row: int
    accents_before: int


def _first_damage(handle: BinaryIO, encoding: str) -> _Damage | None:
    """None when every byte is text of this encoding. Refuses NUL characters, which no table holds."""
    decoder = codecs.getincrementaldecoder(encoding)()
    handle.seek(0)
    blocks = 0
    while block := handle.read(_BLOCK_BYTES):
        try:
            text = decoder.decode(block)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(encoding, errors="ignore")
            return _damage_after(handle, encoding, blocks, before)
        if "\0" in text:
            _refuse_null(_damage_after(handle, encoding, blocks, text[: text.index("\0")]).row)
        blocks += 1
    return _damage_after(handle, encoding, blocks, "") if decoder.getstate()[0] else None


def _damage_after(handle: BinaryIO, encoding: str, blocks: int, text: str) -> _Damage:
    """What stands before is counted only now, since hardly any file is damaged."""
    decoder = codecs.getincrementaldecoder(encoding)()
    handle.seek(0)
    row, accents = 1 + text.count("\n"), _accents_in(text)
    for _ in range(blocks):
        before = decoder.decode(handle.read(_BLOCK_BYTES))
        row += before.count("\n")
        accents += _accents_in(before)
    return _Damage(row, accents)


def _accents_in(text: str) -> int:
    return 0 if text.isascii() else len(text) - len(text.encode("ascii", errors="ignore"))


def _refuse_null(row: int) -> None:
    raise TableRefused(
        f"Row {row:,} contains a NUL byte: this is not plain text, or the file is damaged. "
        "Export the table again as CSV in UTF-8."
    )
