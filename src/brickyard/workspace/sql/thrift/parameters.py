"""Parameters of a statement, as the connector sends them: named (`:name`), positional (`?`), lists.

Positional ones become named, for the engine knows no other; lists and maps become text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from brickyard.workspace.sql.connect import Parameter
from brickyard.workspace.sql.literals import free_names, literal, with_names

COMPLEX: Final = {"ARRAY": "array", "MAP": "map"}


def bound(sql: str, given: Sequence[Mapping[int, Any]]) -> tuple[str, list[Parameter]]:
    """The statement and its parameters. `given` are TSparkParameters."""
    if not given:
        return sql, []
    by_name: dict[str, Mapping[int, Any]] = {}
    in_order: list[Mapping[int, Any]] = []
    for one in given:
        name = _text(one.get(2))
        if name:
            by_name[name] = one
        else:
            in_order.append(one)
    by_name |= dict(zip(free_names(len(in_order), sql), in_order, strict=True))
    lists = {name: _constructed(one) for name, one in by_name.items() if _is_complex(one)}
    sql, _ = with_names(sql, len(in_order), lists)
    plain = {name: one for name, one in by_name.items() if not _is_complex(one)}
    return sql, [
        Parameter(name=name, value=_value(one), type=_text(one.get(3)) or "STRING")
        for name, one in plain.items()
    ]


def _is_complex(one: Mapping[int, Any]) -> bool:
    return _text(one.get(3)).upper() in COMPLEX


def _constructed(one: Mapping[int, Any], fields: tuple[int, int, int] = (3, 0, 5)) -> str:
    """SQL text of a list or map; `fields` are the numbers of type, value and arguments."""
    kind = _text(one.get(fields[0])).upper()
    if kind in COMPLEX:
        told = one.get(fields[2])
        given = [arg for arg in told if isinstance(arg, dict)] if isinstance(told, list) else ()
        inner = ", ".join(_constructed(arg, (1, 2, 3)) for arg in given)
        return f"{COMPLEX[kind]}({inner})"
    value = one.get(fields[1])
    return literal(None if value is None else _text(value), kind or "STRING")


def _value(one: Mapping[int, Any]) -> str | None:
    """A TSparkParameterValue as text."""
    value = one.get(4)
    if not isinstance(value, dict) or not value or _text(one.get(3)).upper() == "VOID":
        return None
    if 1 in value:
        return _text(value[1])
    if 3 in value:
        return "true" if value[3] else "false"
    return str(value.get(2))


def _text(raw: Any) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw or "")
