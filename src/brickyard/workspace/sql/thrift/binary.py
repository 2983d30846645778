"""Thrift's binary protocol, without a schema: structures by the numbers of their fields.

Follows the Apache Thrift binary protocol encoding (strict messages). A structure that is read is a
mapping from field number to value, strings as bytes; one that is written is a sequence of
`(number, kind, value)`, of which those without a value are left out.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

BOOL, BYTE, DOUBLE, I16, I32, I64, STRING, STRUCT, MAP, SET, LIST = (
    2,
    3,
    4,
    6,
    8,
    10,
    11,
    12,
    13,
    14,
    15,
)
CALL, REPLY, EXCEPTION = 1, 2, 3
STRICT: Final = 0x80010000
DEEPEST: Final = 32
_FIXED: Final[Mapping[int, str]] = {BYTE: ">b", DOUBLE: ">d", I16: ">h", I32: ">i", I64: ">q"}

Field = tuple[int, int, Any]
Fields = Sequence[Field]


class Malformed(ValueError):
    """Not what the protocol allows."""


@dataclass(frozen=True, slots=True)
class Message:
    name: str
    number: int
    arguments: Mapping[int, Any]


def read_message(raw: bytes) -> Message:
    """Raises Malformed."""
    reader = _Reader(raw)
    head = reader.fixed(">I")
    if head & 0xFFFF0000 != STRICT or head & 0xFF != CALL:
        raise Malformed("not a call in the strict binary protocol")
    try:
        name = reader.string().decode()
    except UnicodeDecodeError:
        raise Malformed("the name of the call is no text") from None
    number = reader.fixed(">i")
    return Message(name, number, reader.struct(0))


def reply(name: str, number: int, answer: Fields) -> bytes:
    """What a call returns."""
    return _message(REPLY, name, number, ((0, STRUCT, answer),))


def exception(name: str, number: int, text: str, kind: int = 6) -> bytes:
    """A TApplicationException; kind 1: no such method, 6: the service failed."""
    return _message(EXCEPTION, name, number, ((1, STRING, text), (2, I32, kind)))


def _message(kind: int, name: str, number: int, fields: Fields) -> bytes:
    out = bytearray(struct.pack(">I", STRICT | kind))
    _put(out, STRING, name)
    out += struct.pack(">i", number)
    _put(out, STRUCT, fields)
    return bytes(out)


def _put(out: bytearray, kind: int, value: Any) -> None:
    if kind == BOOL:
        out.append(1 if value else 0)
    elif kind in _FIXED:
        out += struct.pack(_FIXED[kind], value)
    elif kind == STRING:
        raw = value.encode() if isinstance(value, str) else bytes(value)
        out += struct.pack(">i", len(raw))
        out += raw
    elif kind == STRUCT:
        for number, inner, item in value:
            if item is not None:
                out += struct.pack(">bh", inner, number)
                _put(out, inner, item)
        out.append(0)
    elif kind == LIST:
        inner, items = value
        out += struct.pack(">bi", inner, len(items))
        for item in items:
            _put(out, inner, item)
    elif kind == MAP:
        keys, values, pairs = value
        out += struct.pack(">bbi", keys, values, len(pairs))
        for key, item in pairs.items():
            _put(out, keys, key)
            _put(out, values, item)
    else:
        raise Malformed(f"cannot write the kind {kind}")


class _Reader:
    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    def fixed(self, shape: str) -> Any:
        size = struct.calcsize(shape)
        if self._at + size > len(self._raw):
            raise Malformed("the message ends too early")
        (value,) = struct.unpack_from(shape, self._raw, self._at)
        self._at += size
        return value

    def string(self) -> bytes:
        size = self._size()
        value = self._raw[self._at : self._at + size]
        self._at += size
        return value

    def struct(self, depth: int) -> Mapping[int, Any]:
        found: dict[int, Any] = {}
        while (kind := self.fixed(">b")) != 0:
            number = self.fixed(">h")
            found[number] = self._value(kind, depth + 1)
        return found

    def _size(self) -> int:
        """Of what follows: nothing in a message is longer than what is left of it."""
        size = int(self.fixed(">i"))
        if not 0 <= size <= len(self._raw) - self._at:
            raise Malformed("a length that the message does not have")
        return size

    def _value(self, kind: int, depth: int) -> Any:
        if depth > DEEPEST:
            raise Malformed("too deep")
        if kind == BOOL:
            return bool(self.fixed(">b"))
        if kind in _FIXED:
            return self.fixed(_FIXED[kind])
        if kind == STRING:
            return self.string()
        if kind == STRUCT:
            return self.struct(depth)
        if kind in (LIST, SET):
            inner = self.fixed(">b")
            return [self._value(inner, depth + 1) for _ in range(self._size())]
        if kind == MAP:
            keys, values = self.fixed(">b"), self.fixed(">b")
            if keys not in _FIXED and keys not in (BOOL, STRING):
                raise Malformed("a map whose keys are no values")
            size = self._size()
            return {
                self._value(keys, depth + 1): self._value(values, depth + 1) for _ in range(size)
            }
        raise Malformed(f"the kind {kind} is unknown")
