"""Bodies that were packed for the way (`Content-Encoding`), unpacked piece by piece.

Some kilobytes may stand for gigabytes. So nothing is unpacked ahead of who reads it: whoever has
had enough stops asking for pieces.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

ENCODINGS: Final = ("gzip", "x-gzip", "deflate")
PIECE_BYTES: Final = 256 * 1024
GZIP: Final = b"\x1f\x8b"
ANY_FORM: Final = zlib.MAX_WBITS | 32  # gzip's or zlib's, as the bytes say


class Unpacking:
    """Raises zlib.error for bytes that are not packed so."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(ANY_FORM)
        self._has_begun = False

    @property
    def is_whole(self) -> bool:
        """Whether what came so far could be all of it."""
        return self._member.eof or not self._has_begun

    def pieces(self, packed: bytes) -> Iterator[bytes]:
        """What these bytes add."""
        piece = b""
        while packed or len(piece) == PIECE_BYTES:
            if self._member.eof:
                if not packed.startswith(GZIP):  # what pads the end is no part of the body
                    return
                self._member = zlib.decompressobj(ANY_FORM)  # gzip's may follow one another
            self._has_begun = True
            piece = self._member.decompress(packed, PIECE_BYTES)
            packed = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if piece:
                yield piece
