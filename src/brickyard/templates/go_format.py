"""Go's `printf`, for the values that templates have."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from brickyard.templates.go_values import go_float, printed, type_of

VERB: Final = re.compile(r"%([-+ 0#]*)(\d+|\*)?(?:\.(\d*|\*))?(.)?", re.DOTALL)
WHOLE: Final = "dobxXcUq"
REAL: Final = "feEgGF"


def printf(text: str, *values: Any) -> str:
    """The text with its verbs filled in; what does not fit is told in place, as Go tells it."""
    left = list(values)

    def shown(found: re.Match[str]) -> str:
        flags, width, precision, verb = found.groups()
        if verb is None:
            return "%!(NOVERB)"
        if verb == "%":
            return "%"
        if width == "*":
            width = str(left.pop(0)) if left else ""
        if not left:
            return f"%!{verb}(MISSING)"
        value = left.pop(0)
        made = _formatted(value, verb, flags, precision)
        if made is None:
            return f"%!{verb}({_told(value)})"
        return _padded(made, flags, int(width or 0), is_number=verb in WHOLE + REAL and verb != "q")

    out = VERB.sub(shown, text)
    extra = ", ".join(_told(value) for value in left)
    return f"{out}%!(EXTRA {extra})" if left else out


def _told(value: Any) -> str:
    return "<nil>" if value is None else f"{type_of(value)}={printed(value)}"


def _padded(text: str, flags: str, width: int, *, is_number: bool) -> str:
    if "-" in flags:
        return text.ljust(width)
    if "0" in flags and is_number:
        sign = text[0] if text[:1] in ("-", "+", " ") else ""
        return sign + text[len(sign) :].rjust(width - len(sign), "0")
    return text.rjust(width)


def _formatted(value: Any, verb: str, flags: str, precision: str | None) -> str | None:
    """None where the verb is not for such a value."""
    if verb == "T":
        return type_of(value)
    if verb == "v":
        return _written(value) if "#" in flags else printed(value)
    if value is None:
        return None
    if isinstance(value, bool):
        return printed(value) if verb == "t" else None
    if isinstance(value, int):
        return _whole(value, verb, flags)
    if isinstance(value, float):
        return _real(value, verb, flags, precision)
    if isinstance(value, str):
        return _text(value, verb, flags, precision)
    if isinstance(value, list | tuple):
        parts = [_formatted(one, verb, flags, precision) for one in value]
        shown = (
            part if part is not None else f"%!{verb}({_told(one)})"
            for part, one in zip(parts, value, strict=True)
        )
        return f"[{' '.join(shown)}]"
    if isinstance(value, Mapping):
        pairs = (
            f"{key}:{_formatted(value[key], verb, flags, precision) or ''}" for key in sorted(value)
        )
        return f"map[{' '.join(pairs)}]"
    return printed(value) if verb == "s" else None


def _whole(value: int, verb: str, flags: str) -> str | None:
    sign = "-" if value < 0 else "+" if "+" in flags else " " if " " in flags else ""
    lead = {"x": "0x", "X": "0X", "o": "0", "b": "0b"}.get(verb, "") if "#" in flags else ""
    if verb in ("d", "o", "b", "x", "X"):
        return f"{sign}{lead}{format(abs(value), verb)}"
    if verb == "c":
        return chr(value)
    if verb == "q":
        return f"'{chr(value)}'"
    if verb == "U":
        return f"U+{value:04X}"
    return None


def _real(value: float, verb: str, flags: str, precision: str | None) -> str | None:
    if verb not in REAL:
        return None
    sign = "+" if "+" in flags else " " if " " in flags and value >= 0 else ""
    if precision is None and verb in "gG":
        return sign * (value >= 0) + go_float(value)
    return f"%{sign}.{precision if precision is not None else 6}{verb}" % value


def _text(value: str, verb: str, flags: str, precision: str | None) -> str | None:
    cut = value if precision is None else value[: int(precision or 0)]
    if verb == "s":
        return cut
    if verb == "q":
        return (
            f"`{cut}`" if "#" in flags and "`" not in cut else json.dumps(cut, ensure_ascii=False)
        )
    if verb in ("x", "X"):
        made = cut.encode().hex()
        return made if verb == "x" else made.upper()
    return None


def _written(value: Any) -> str:
    """As `%#v` has it."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return "<nil>" if value is None else printed(value)
