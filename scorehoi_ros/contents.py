"""What a file really holds where its name promises something else: pointers, web pages, archives."""

from dataclasses import dataclass

_START = 512
"""Bytes in which a file says what it is."""


@dataclass(frozen=True)
class Content:
    """What the bytes of a file are."""

    what: str
    """As in "it is an HTML page"."""
    mend: str
    """What to do about it, a sentence."""


_UNPACK = "Unpack it and give the file inside."
_LOGIN = "Open its address in a browser, log in where that is asked for, and download the file itself."
_OTHER = "Give the right file."

_STARTS: tuple[tuple[bytes, Content], ...] = (
    (
        b"version https://git-lfs",
        Content("a pointer of git-lfs, not the file itself", "Fetch it with `git lfs pull`."),
    ),
    (b"\x1f\x8b", Content("compressed by gzip", "Unpack it with gunzip and give the file inside.")),
    (b"BZh", Content("compressed by bzip2", "Unpack it with bunzip2 and give the file inside.")),
    (b"\xfd7zXZ\0", Content("compressed by xz", "Unpack it with unxz and give the file inside.")),
    (b"\x28\xb5\x2f\xfd", Content("compressed by zstd", "Unpack it with unzstd and give the file inside.")),
    (b"PK\x03\x04", Content("a zip archive", _UNPACK)),
    (b"7z\xbc\xaf\x27\x1c", Content("a 7z archive", _UNPACK)),
    (b"Rar!", Content("a RAR archive", _UNPACK)),
    (b"%PDF", Content("a PDF document", _OTHER)),
    (b"\x89PNG", Content("a PNG image", _OTHER)),
    (b"\xff\xd8\xff", Content("a JPEG image", _OTHER)),
    (b"\x89HDF", Content("an HDF5 file", _OTHER)),
    (b"\x93NUMPY", Content("a single numpy array (.npy)", "Give the .npz with all arrays.")),
    (b"\x80\x02", Content("a Python pickle", _OTHER)),
    (b"\x80\x03", Content("a Python pickle", _OTHER)),
    (b"\x80\x04", Content("a Python pickle", _OTHER)),
    (b"\x80\x05", Content("a Python pickle", _OTHER)),
)
_PAGES = (b"<!doctype html", b"<html", b"<head", b"<body")


def content_of(data: bytes) -> Content | None:
    """What `data`, the beginning of a file or all of it, shows itself to be; None when it shows nothing.

    Only contents that a file of another name often turns out to have are known here.
    """
    start = data[:_START]
    if not start:
        return Content("empty (0 bytes)", "Get the file again; the disk may have been full.")
    if len(start) == _START and not any(data[: 64 * 1024]):
        return Content("nothing but zero bytes", "Get the file again; its copy was never finished.")
    for begin, content in _STARTS:
        if start.startswith(begin):
            return content
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(_PAGES):
        return Content("an HTML page, not the file that was wanted", _LOGIN)
    if text.startswith(b"<?xml"):
        kind = "an HTML page, not the file that was wanted" if b"<html" in text else "a text in XML"
        return Content(kind, _LOGIN if b"<html" in text or b"<error" in text else _OTHER)
    return None
