"""Personal data in text: what Databricks' guardrail names, found by shape and checked by rule.

| category | found by | checked by |
|---|---|---|
| EMAIL_ADDRESS | shape | |
| PHONE_NUMBER | `phonenumbers`, Google's library | its numbering plans |
| CREDIT_CARD | 13 to 19 digits | the Luhn digit, by `python-stdnum` |
| US_SSN | 123-45-6789 | the ranges that are given out, by `python-stdnum` |
| BANK_ACCOUNT | an IBAN | its check digits, by `python-stdnum` |
| IP_ADDRESS | shape | the standard library |

Names and addresses of people are not found: that takes a language model (decision 0026).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

REGION: Final = "US"  # of phone numbers without a country code
EMAIL: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
CARD: Final = re.compile(r"(?<![\w.])(?:\d[ -]?){12,18}\d(?![\w.]*\d)")
SSN: Final = re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])")
IBAN: Final = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
IP: Final = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)")


@dataclass(frozen=True, slots=True, order=True)
class Found:
    start: int
    end: int
    category: str


def _always(_: str) -> bool:
    return True


def _is_card(text: str) -> bool:
    from stdnum import luhn

    return bool(luhn.is_valid(re.sub(r"\D", "", text)))


def _is_ssn(text: str) -> bool:
    from stdnum.us import ssn

    return bool(ssn.is_valid(text))


def _is_iban(text: str) -> bool:
    from stdnum import iban

    return bool(iban.is_valid(text))


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


# In the order in which they win where two overlap.
SHAPES: Final[tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...]] = (
    ("EMAIL_ADDRESS", EMAIL, _always),
    ("BANK_ACCOUNT", IBAN, _is_iban),
    ("CREDIT_CARD", CARD, _is_card),
    ("US_SSN", SSN, _is_ssn),
    ("IP_ADDRESS", IP, _is_ip),
)


def find(text: str) -> list[Found]:
    """What is in a text, in order, without overlaps."""
    found: list[Found] = []
    for one in _all(text):
        if not any(one.start < other.end and other.start < one.end for other in found):
            found.append(one)
    return sorted(found)


def masked(text: str) -> tuple[str, set[str]]:
    """The text with each finding replaced by its category, and which there were."""
    found = find(text)
    for one in reversed(found):
        text = f"{text[: one.start]}[{one.category}]{text[one.end :]}"
    return text, {one.category for one in found}


def _all(text: str) -> Iterator[Found]:
    for category, pattern, is_one in SHAPES:
        for match in pattern.finditer(text):
            if is_one(match.group()):
                yield Found(match.start(), match.end(), category)
    if any(one.isdigit() for one in text):
        import phonenumbers

        for number in phonenumbers.PhoneNumberMatcher(text, REGION):
            yield Found(number.start, number.end, "PHONE_NUMBER")
