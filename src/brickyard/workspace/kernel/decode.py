"""JSON into dataclasses, reporting every fault at once with its path.

Understands dataclasses, `str`, `int`, `float`, `bool`, `list`/`tuple`/`Sequence`,
`dict`/`Mapping`, enums, `Any`, `X | None` and `Literal`. An int64 may come as a JSON string, as
protobuf's JSON allows.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from brickyard.workspace.kernel.errors import invalid

T = TypeVar("T")
PLAIN = (float, str)
_FAULT = object()
INT64_TEXT = re.compile(r"-?[0-9]{1,19}")
INT64 = range(-(2**63), 2**63)


def decode(data: Any, shape: type[T]) -> T:
    """An instance of `shape`. Raises INVALID_PARAMETER_VALUE listing every fault."""
    faults: list[str] = []
    value = _decode(data, shape, "", faults)
    if faults:
        raise invalid("; ".join(faults))
    return value  # type: ignore[no-any-return]


def as_given(decoded: Any) -> dict[str, Any]:
    """What `decode` was given, as JSON again: without what was left out or is not understood."""
    given: dict[str, Any] = _without_none(asdict(decoded))
    return given


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(one) for key, one in value.items() if one is not None}
    if isinstance(value, list | tuple):
        return [_without_none(one) for one in value]
    return value


def _decode(data: Any, shape: Any, path: str, faults: list[str]) -> Any:
    if shape is Any or shape is object:
        return data
    origin = get_origin(shape)
    if origin in (Union, types.UnionType):
        return _union(data, get_args(shape), path, faults)
    if origin is Literal:
        if data in get_args(shape):
            return data
        options = ", ".join(map(str, get_args(shape)))
        return _fault(faults, path, f"must be one of {options}")
    if origin in (list, tuple, Sequence):
        return _list(data, origin, get_args(shape), path, faults)
    if shape in (dict, Mapping) or origin in (dict, Mapping):
        return _mapping(data, get_args(shape), path, faults)
    if is_dataclass(shape):
        return _dataclass(data, shape, path, faults)
    if isinstance(shape, type) and issubclass(shape, Enum):
        try:
            return shape(data)
        except ValueError:
            options = ", ".join(str(item.value) for item in shape)
            return _fault(faults, path, f"must be one of {options}, not {data!r}")
    return _scalar(data, shape, path, faults)


def _scalar(data: Any, shape: Any, path: str, faults: list[str]) -> Any:
    if shape is str and isinstance(data, str):
        return data
    if shape is bool and isinstance(data, bool):
        return data
    if shape is int:
        if isinstance(data, int) and not isinstance(data, bool):
            return data
        if isinstance(data, str) and INT64_TEXT.fullmatch(data) and int(data) in INT64:
            return int(data)
        if isinstance(data, float) and data.is_integer() and int(data) in INT64:
            return int(data)
    if shape is float and isinstance(data, int | float) and not isinstance(data, bool):
        return float(data)
    words = {str: "a string", bool: "a boolean", int: "an integer", float: "a number"}
    return _fault(faults, path, f"must be {words.get(shape, shape)}, not {_kind(data)}")


def _union(data: Any, options: tuple[Any, ...], path: str, faults: list[str]) -> Any:
    if data is None and type(None) in options:
        return None
    real = [option for option in options if option is not type(None)]
    if len(real) == 1:
        return _decode(data, real[0], path, faults)
    for option in real:
        attempt: list[str] = []
        value = _decode(data, option, path, attempt)
        if not attempt:
            return value
    return _fault(faults, path, f"has an unexpected type: {_kind(data)}")


def _list(
    data: Any, origin: Any, args: tuple[Any, ...], path: str, faults: list[str]
) -> list[Any] | tuple[Any, ...] | object:
    if not isinstance(data, list):
        return _fault(faults, path, f"must be a list, not {_kind(data)}")
    item = args[0] if args else Any
    if item in PLAIN and all(type(one) is item for one in data):  # vectors are long
        return data if origin is list else tuple(data)
    values = [_decode(one, item, f"{path}[{at}]", faults) for at, one in enumerate(data)]
    return values if origin is list else tuple(values)


def _mapping(data: Any, args: tuple[Any, ...], path: str, faults: list[str]) -> Any:
    if not isinstance(data, dict):
        return _fault(faults, path, f"must be an object, not {_kind(data)}")
    item = args[1] if len(args) == 2 else Any
    return {key: _decode(one, item, _join(path, key), faults) for key, one in data.items()}


def _dataclass(data: Any, shape: Any, path: str, faults: list[str]) -> Any:
    if not isinstance(data, dict):
        return _fault(faults, path, f"must be an object, not {_kind(data)}")
    values: dict[str, Any] = {}
    hints = _hints(shape)
    for one in fields(shape):
        at = _join(path, one.name)
        required = one.default is MISSING and one.default_factory is MISSING
        given = data.get(one.name)
        if given is None:
            if required and type(None) not in get_args(hints[one.name]):
                _fault(faults, at, "is required")
            elif required:
                values[one.name] = None
            continue
        values[one.name] = _decode(given, hints[one.name], at, faults)
    return shape(**values) if not faults else _FAULT


@cache
def _hints(shape: Any) -> dict[str, Any]:
    return get_type_hints(shape)


def _fault(faults: list[str], path: str, what: str) -> object:
    faults.append(f"{path or 'the request body'} {what}")
    return _FAULT


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _kind(data: Any) -> str:
    if data is None:
        return "null"
    names = {str: "a string", bool: "a boolean", int: "an integer", float: "a number"}
    names |= {list: "a list", dict: "an object"}
    return names.get(type(data), type(data).__name__)
