"""No input makes the loader raise, and the same input always gives the same tree and findings.

`python tests/properties/mutations.py 200000` goes on where this ends.
"""

from __future__ import annotations

import pytest
from mutations import FACTS, broken_bundle, check

from brickyard.bundle import resolve


@pytest.mark.parametrize("start", range(0, 1000, 20))
def test_a_broken_bundle_never_raises(start: int) -> None:
    for seed in range(start, start + 20):
        check(*broken_bundle(seed))


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 5000,
        "a: " + "{a: " * 5000,
        "- " * 3000,
        "x: &a ["
        + "1," * 10
        + "]\n"
        + "".join(
            f"y{n}: &b{n} [{', '.join(['*b' + str(n - 1) if n else '*a'] * 10)}]\n"
            for n in range(12)
        ),
        "variables:\n"
        + "".join(
            f"  v{n}: {{type: complex, default: ['${{var.v{n + 1}}}', '${{var.v{n + 1}}}']}}\n"
            for n in range(40)
        )
        + "  v40: {default: x}\n",
        "variables:\n"
        + "".join(f"  v{n}: {{default: '${{var.v{n + 1}}}${{var.v{n + 1}}}'}}\n" for n in range(50))
        + "  v50: {default: xxxxxxxxxxxxxxx}\n",
    ],
    ids=["lists", "maps", "dashes", "aliases", "doubling", "doubling text"],
)
def test_a_hostile_text_is_refused_in_time(text: str) -> None:
    whole = text if "variables" not in text else "bundle: {name: x}\n" + text
    first = resolve({"databricks.yml": whole.encode()}, facts=FACTS)
    assert first.has_errors


def test_a_long_chain_of_variables_is_followed_to_its_end() -> None:
    links = "".join(f"  v{n}: {{default: '${{var.v{n + 1}}}'}}\n" for n in range(500))
    text = "bundle: {name: x}\nvariables:\n" + links + "  v500: {default: end}\n"
    value = resolve({"databricks.yml": text.encode()}, facts=FACTS).tree.get("variables.v0.value")
    assert value is not None
    assert value.data == "end"
