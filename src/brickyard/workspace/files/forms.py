"""`multipart/form-data` bodies (RFC 7578), which the SDK's workspace upload sends."""

from __future__ import annotations

from collections.abc import Mapping
from email.message import Message

from brickyard.workspace.kernel import ApiError


def fields(body: bytes, content_type: str) -> Mapping[str, bytes]:
    """Field name to content. Raises MALFORMED_REQUEST."""
    header = Message()
    header["content-type"] = content_type
    boundary = header.get_param("boundary")
    if not isinstance(boundary, str) or not boundary:
        raise _broken("it names no boundary")
    mark = b"\r\n--" + boundary.encode()
    pieces = (b"\r\n" + body).split(mark)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise _broken("it does not end")
    found: dict[str, bytes] = {}
    for piece in pieces[1:-1]:
        head, split, content = piece.partition(b"\r\n\r\n")
        if not split:
            raise _broken("a part has no header")
        name = _name(head.decode("utf-8", "replace"))
        if name:
            found[name] = content
    return found


def _name(head: str) -> str:
    for line in head.split("\r\n"):
        field, _, value = line.partition(":")
        if field.strip().lower() == "content-disposition":
            header = Message()
            header["content-disposition"] = value.strip()
            name = header.get_param("name", header="content-disposition")
            return name if isinstance(name, str) else ""
    return ""


def _broken(why: str) -> ApiError:
    return ApiError("MALFORMED_REQUEST", f"Could not parse the multipart form: {why}")
