"""What a template's schema must be, and what an answer must be, in the official CLI's words.

Both are checked in its order, and the first fault is the one that is told. An answer is a value as
JSON has it: nothing is taken for another type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from brickyard.bundle.go_text import go_quoted
from brickyard.templates.go_values import compiled, regexp_fault

TYPES: Final = ("number", "boolean", "string", "integer", "object", "array")
MEANT: Final = {
    **dict.fromkeys(("int", "int32", "int64"), "integer"),
    **dict.fromkeys(("float", "float32", "float64"), "number"),
    "bool": "boolean",
}
VERSION: Final = re.compile(r"v(\d+)(?:\.(\d+)(?:\.(\d+))?)?(?:[-+].*)?")
NEWEST: Final = 1
INTEGERS: Final = range(-(2**63), 2**63)
Properties = Mapping[str, Mapping[str, Any]]


JSON_KINDS: Final = {
    dict: "object",
    list: "array",
    str: "string",
    int: "number",
    float: "number",
    bool: "bool",
}
# Of a property: field, its type, and where Go keeps it.
FIELDS: Final = (
    ("type", str, "type of type jsonschema.Type"),
    ("description", str, "description of type string"),
    ("pattern", str, "pattern of type string"),
    ("format", str, "format of type string"),
    ("enum", list, "enum of type []interface {}"),
    ("order", int, "Extension.order of type int"),
)


class Unfit(Exception):
    """A schema or an answer that does not fit; the message is what the official CLI says."""


def check_shape(data: object) -> None:
    """Whether this is an object of objects, as Go's decoder wants it. Raises `Unfit`."""
    _is_a(data, dict, "value of type jsonschema.Schema")
    assert isinstance(data, dict)
    properties = data.get("properties")
    if properties is None:
        return
    where = "struct field Schema.properties"
    _is_a(properties, dict, f"{where} of type map[string]*jsonschema.Schema")
    for one in (value for name, value in properties.items() if not name.startswith("//")):
        _is_a(one, dict, f"{where} of type jsonschema.Schema")
        for name, wanted, kind in FIELDS:
            if one.get(name) is not None:
                _is_a(one[name], wanted, f"{where}.{kind}")


def _is_a(value: object, wanted: type, what: str) -> None:
    if type(value) is not wanted:
        kind = JSON_KINDS.get(type(value), "null")
        raise Unfit(f"json: cannot unmarshal {kind} into Go {what}")


def check_schema(data: Mapping[str, Any], properties: Properties, cli_version: str) -> None:
    """Raises `Unfit`, with `failed to load schema` in front where the official CLI has it."""
    try:
        for name, one in properties.items():
            _check_integers(name, one)
        for check in (_type, _default, _choices, _const, _default_is_choice, _pattern):
            for name, one in properties.items():
                check(name, one)
        _check_version(str(data.get("min_databricks_cli_version") or ""), cli_version)
        for name, one in properties.items():
            if one.get("skip_prompt_if") is not None and one.get("default") is None:
                raise Unfit(f'property "{name}" has a skip_prompt_if clause but no default value')
    except Unfit as fault:
        raise Unfit(f"failed to load schema: {fault}") from fault


def check_questions(data: Mapping[str, Any], properties: Properties) -> None:
    """What can't be asked for. Raises `Unfit`."""
    for one in properties.values():
        if one.get("type") in ("array", "object"):
            raise Unfit(f"property type {one['type']} is not supported by bundle templates")
    version = data.get("version")
    if isinstance(version, int) and version > NEWEST:
        raise Unfit(
            f"template schema version {version} is not supported by this version of the CLI."
            " Please upgrade your CLI to the latest version"
        )
    for name, one in properties.items():
        if not one.get("description"):
            raise Unfit(f"template property {name} is missing a description")


def check_answers(
    data: Mapping[str, Any], properties: Properties, answers: Mapping[str, Any], *, whole: bool
) -> None:
    """Raises `Unfit`. `whole`: every property must have an answer."""
    known = {name: value for name, value in answers.items() if name in properties}
    for name, value in known.items():
        choices = properties[name].get("enum")
        if choices is not None and not _is_among(value, choices):
            shown = f"{_shown(choices)}. Found: {_shown(value)}"
            raise Unfit(f"expected value of property {name} to be one of {shown}")
    for name in properties if whole else ():
        if name not in answers:
            raise Unfit(f"no value provided for required property {name}")
    for name, value in known.items():
        where = f"incorrect type for property {name}: "
        _check_type(value, str(properties[name].get("type")), where)
    for name, value in known.items():
        _check_pattern(name, value, properties[name])
    for name, value in known.items():
        const = properties[name].get("const")
        if const is not None and not _is_among(value, [const]):
            raise Unfit(
                f"expected value of property {name} to be {_shown(const)}. Found: {_shown(value)}"
            )
    _check_any(data.get("anyOf"), answers)


def integer(value: object) -> int:
    """A whole number as Go takes it from JSON. Raises `Unfit`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unfit(f"cannot convert {_written(value)} to an integer")
    if value != int(value) or int(value) not in INTEGERS:
        raise Unfit(f"expected integer value, got: {_shown(float(value))}")
    return int(value)


def _check_any(several: object, answers: Mapping[str, Any]) -> None:
    if not isinstance(several, list):
        return
    if not several:
        raise Unfit("anyOf must contain at least one schema")
    for one in several:
        try:
            check_answers(one, one.get("properties") or {}, answers, whole=False)
        except Unfit:
            continue
        if all(name in answers for name in one.get("required") or ()):
            return
    raise Unfit("instance does not match any of the schemas in anyOf")


def _check_integers(name: str, one: Mapping[str, Any]) -> None:
    if one.get("type") != "integer":
        return
    for field in ("default", "const"):
        if one.get(field) is not None:
            _within(f"failed to parse {field} value for property {name}", integer, one[field])
    for index, value in enumerate(one.get("enum") or ()):
        where = f"failed to parse enum value {_shown(value)} at index {index} for property {name}"
        _within(where, integer, value)


def _within(where: str, work: Callable[[Any], object], value: object) -> None:
    try:
        work(value)
    except Unfit as fault:
        raise Unfit(f"{where}: {fault}") from fault


def _type(_: str, one: Mapping[str, Any]) -> None:
    kind = str(one.get("type") or "")
    if kind in TYPES:
        return
    meant = f'. Please use "{MEANT[kind]}" instead' if kind in MEANT else ""
    raise Unfit(f"type {kind} is not a recognized json schema type{meant}")


def _default(name: str, one: Mapping[str, Any]) -> None:
    if one.get("default") is not None:
        where = f"type validation for default value of property {name} failed: "
        _check_type(one["default"], str(one["type"]), where)


def _const(name: str, one: Mapping[str, Any]) -> None:
    if one.get("const") is not None:
        where = f"type validation for const value of property {name} failed: "
        _check_type(one["const"], str(one["type"]), where)


def _choices(name: str, one: Mapping[str, Any]) -> None:
    for index, value in enumerate(one.get("enum") or ()):
        where = f"type validation for enum at index {index} failed for property {name}: "
        _check_type(value, str(one["type"]), where)


def _default_is_choice(name: str, one: Mapping[str, Any]) -> None:
    default, choices = one.get("default"), one.get("enum")
    if default is not None and choices is not None and not _is_among(default, choices):
        raise Unfit(
            f"list of enum values for property {name} does not contain default value"
            f" {_shown(default)}: {_shown(choices)}"
        )


def _pattern(name: str, one: Mapping[str, Any]) -> None:
    pattern = str(one.get("pattern") or "")
    if not pattern:
        return
    if one.get("type") != "string":
        raise Unfit(
            f'property "{name}" has a non-empty regex pattern {go_quoted(pattern)} specified.'
            " Patterns are only supported for string properties"
        )
    try:
        known = compiled(pattern)
    except re.error as fault:
        raise Unfit(
            f'invalid regex pattern {go_quoted(pattern)} provided for property "{name}":'
            f" {regexp_fault(pattern, fault)}"
        ) from fault
    for index, value in enumerate(one.get("enum") or ()):
        if not known.search(str(value)):
            raise Unfit(
                f'enum value {go_quoted(value)} at index {index} for property "{name}" does not'
                f" match specified regex pattern: {go_quoted(pattern)}"
            )


def _check_pattern(name: str, value: object, one: Mapping[str, Any]) -> None:
    pattern = str(one.get("pattern") or "")
    if not pattern or compiled(pattern).search(str(value)):
        return
    message = one.get("pattern_match_failure_message")
    said = message or f"Expected to match regex pattern: {pattern}"
    raise Unfit(f"invalid value for {name}: {go_quoted(str(value))}. {said}")


def _check_version(wanted: str, current: str) -> None:
    if not wanted:
        return
    given, ours = VERSION.fullmatch(wanted), VERSION.fullmatch(f"v{current}")
    if given is None:
        raise Unfit(
            f'invalid minimum CLI version "{wanted}" specified. Please specify the version in the'
            " format v0.0.0"
        )
    if ours is not None and _numbers(given) > _numbers(ours):
        raise Unfit(
            f'minimum CLI version "{wanted}" is greater than current CLI version "v{current}".'
            " Please upgrade your current Databricks CLI"
        )


def _numbers(version: re.Match[str]) -> tuple[int, ...]:
    return tuple(int(part or 0) for part in version.groups())


def _check_type(value: object, kind: str, where: str) -> None:
    fits = {
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "integer": isinstance(value, int | float)
        and not isinstance(value, bool)
        and value == int(value),
        "number": isinstance(value, int | float) and not isinstance(value, bool),
    }
    if not fits.get(kind, True):
        word = "float" if kind == "number" else kind
        raise Unfit(f"{where}expected type {word}, but value is {_written(value)}")


def _is_among(value: object, several: list[Any]) -> bool:
    """Whether one of them is the value; `true` is not 1."""
    return any(one == value and isinstance(one, bool) == isinstance(value, bool) for one in several)


def _shown(value: object) -> str:
    """As `%v` of Go shows it."""
    if isinstance(value, list):
        return f"[{' '.join(map(_shown, value))}]"
    if isinstance(value, str):
        return value
    return _written(value)


def _written(value: object) -> str:
    """As `%#v` of Go shows it."""
    if value is None:
        return "<nil>"
    if isinstance(value, float):
        return f"{value:g}" if value != int(value) or abs(value) >= 1e21 else _whole(value)
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(map(_written, value))}}}"
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)}:{_written(value[key])}" for key in sorted(value))
        return f"map[string]interface {{}}{{{', '.join(pairs)}}}"
    return json.dumps(value, ensure_ascii=False)


def _whole(value: float) -> str:
    return f"{value:g}" if abs(value) >= 1e6 else str(int(value))
