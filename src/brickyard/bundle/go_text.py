"""Numbers and strings spelled as Go spells them, where its spelling reaches messages and JSON."""

from __future__ import annotations

import json
import math
from decimal import Decimal


def plain_float(number: float) -> str:
    """The shortest digits without an exponent: `1`, `0.0000001`, `100000000000000000000000`."""
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else "+Inf" if number > 0 else "-Inf"
    text = format(Decimal(repr(number)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def go_float(number: float) -> str:
    """As `%g`: an exponent below 1e-4 and from 1e6 on."""
    return _short(number, smallest=-4, largest=6)


def json_float(number: float) -> str:
    """As in JSON: an exponent below 1e-6 and from 1e21 on. The number must be finite."""
    return _short(number, smallest=-6, largest=21).replace("e-0", "e-")


def _short(number: float, *, smallest: int, largest: int) -> str:
    if not number or not math.isfinite(number):
        return plain_float(number) if number else "-0" if math.copysign(1, number) < 0 else "0"
    digits = Decimal(repr(number)).normalize()
    exponent = digits.adjusted()
    if smallest <= exponent < largest:
        return plain_float(number)
    mantissa = format(digits.scaleb(-exponent), "f")
    return f"{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def go_quoted(text: str) -> str:
    """As `%q`: double quotes, with escapes for what is not printable."""
    return json.dumps(text, ensure_ascii=False)
