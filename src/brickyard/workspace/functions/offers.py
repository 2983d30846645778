"""What the workspace offers in SQL beyond functions of the catalog, and how a call is read.

An offer names its parameters in their order; those in `constants` must be literals, for the type of
the result or the rights depend on them. The rest are columns that the engine sends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from brickyard.workspace.kernel import invalid
from brickyard.workspace.spark.functions.expansion import HostedCall
from brickyard.workspace.spark.functions.remote import remote
from brickyard.workspace.spark.refusals import Refusal, unsupported
from brickyard.workspace.spark.statements import parsed


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A call with its arguments by parameter: SQL texts, and the values of the constants."""

    asked: HostedCall
    texts: Mapping[str, str]
    constants: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.asked.call.shown.lower()

    def remote(
        self,
        request: Mapping[str, Any],
        returns: str,
        casts: Mapping[str, str],
        *,
        is_deterministic: bool = True,
    ) -> str:
        """A call of the workspace with the columns in `casts`; '' casts to nothing."""
        given = {name: kind for name, kind in casts.items() if name in self.texts}
        asked = {**request, "columns": list(given)}
        made = remote(asked, returns, is_deterministic=is_deterministic)
        self.asked.touched.remotes[made.name] = made
        shown = [
            f"CAST({self.texts[name]} AS {kind})" if kind else self.texts[name]
            for name, kind in given.items()
        ]
        return f"{made.name}({', '.join(shown) or 'true'})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    name: str
    parameters: tuple[str, ...] = ()
    required: int = 0  # so many of them, from the first
    write: Callable[[Bound], str] = lambda _: ""  # the text in the place of the call
    constants: frozenset[str] = frozenset()
    by_name_only: bool = False
    way_out: str = ""  # of a function that is not there

    def written(self, asked: HostedCall) -> str:
        if self.way_out:
            raise unsupported(self.name, self.way_out)
        return self.write(self._bound(asked))

    def _bound(self, asked: HostedCall) -> Bound:
        texts: dict[str, str] = {}
        by_lower = {one.lower(): one for one in self.parameters}
        for at, one in enumerate(asked.arguments):
            if not one.name and (self.by_name_only or at >= len(self.parameters)):
                raise _wrong(self, f"takes {self._shown}, not the argument {one.text}")
            name = by_lower.get(one.name.lower()) if one.name else self.parameters[at]
            if name is None:
                raise _wrong(self, f"has no parameter `{one.name}`; it has {self._shown}")
            if name in texts:
                raise _wrong(self, f"is given `{name}` twice")
            texts[name] = one.text
        for name in self.parameters[: self.required]:
            if name not in texts:
                raise _wrong(self, f"needs the parameter `{name}`")
        constants = {
            name: constant(self.name, name, text, asked.parameters)
            for name, text in texts.items()
            if name in self.constants
        }
        return Bound(asked=asked, texts=texts, constants=constants)

    @property
    def _shown(self) -> str:
        return ", ".join(f"{one} =>" if self.by_name_only else one for one in self.parameters)


def constant(function: str, name: str, text: str, parameters: Mapping[str, str]) -> Any:
    """The value of a literal: a text, number, boolean, NULL, or an array of such."""
    from sqlglot import exp

    tree = parsed(f"SELECT {text}").expressions[0]
    try:
        if isinstance(tree, exp.Placeholder | exp.Parameter):
            return parameters[tree.name]
        return _value(tree)
    except (ValueError, KeyError):
        raise Refusal(
            "DATATYPE_MISMATCH.NON_FOLDABLE_INPUT",
            f"{function}: the parameter `{name}` must be a literal, not {text}.",
            sql_state="42K09",
        ) from None


def _value(tree: Any) -> Any:
    from sqlglot import exp

    if isinstance(tree, exp.Null):
        return None
    if isinstance(tree, exp.Boolean):
        return bool(tree.this)
    if isinstance(tree, exp.Literal):
        return (
            tree.name
            if tree.is_string
            else float(tree.name)
            if "." in tree.name
            else int(tree.name)
        )
    if isinstance(tree, exp.Array):
        return [_value(one) for one in tree.expressions]
    raise ValueError(tree)


def _wrong(offer: Offer, what: str) -> Refusal:
    return Refusal("WRONG_NUM_ARGS", f"{offer.name} {what}.", sql_state="42605")


class Offered:
    """All offers by name: what the Spark gateway asks (`Hosted`)."""

    def __init__(self, offers: Sequence[Offer]) -> None:
        self._offers = {one.name: one for one in offers}
        if len(self._offers) < len(offers):
            raise invalid("two offers of one name")

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._offers)

    def replacement(self, asked: HostedCall) -> str:
        return self._offers[asked.call.shown.lower()].written(asked)
