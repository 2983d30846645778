"""Texts that programs decode: JSON, YAML, TOML, INI, templates; as plain abstract values."""

from __future__ import annotations

import configparser
import json
import re
import string
import tomllib
from typing import Final

from brickyard.policy.abstract_values import Instance, Known, Unknown, text_of
from brickyard.policy.sql_session import HOLE
from brickyard.values import has_errors, read_yaml

JINJA: Final = re.compile(r"\{\{\s*([\w.]+)[^}]*\}\}")


def decoded(kind: str, text: str | None) -> Known:
    """The data of a text, or that it isn't known."""
    if text is None:
        return Unknown("the content of a file that the bundle does not have")
    try:
        if kind == "json":
            return json.loads(text)
        if kind == "toml":
            return tomllib.loads(text)
        if kind == "yaml":
            tree, found = read_yaml(text.encode(), "text")
            return Unknown("YAML that can't be read") if has_errors(found) else tree.plain()
    except (ValueError, RecursionError):
        pass
    return Unknown(f"{kind} that can't be read")


def ini(text: str | None) -> dict[str, Known]:
    """Sections of an INI file."""
    reader = configparser.ConfigParser(interpolation=None)
    try:
        reader.read_string(text or "")
    except configparser.Error:
        return {}
    return {name: dict(reader[name]) for name in (*reader.sections(), reader.default_section)}


def with_attributes(data: Known) -> Known:
    """Mappings as objects whose entries are attributes, as OmegaConf and Box give them."""
    if isinstance(data, dict):
        return Instance(None, {str(k): with_attributes(v) for k, v in data.items()})
    return [with_attributes(one) for one in data] if isinstance(data, list) else data


def substituted(text: str, values: dict[str, Known]) -> str:
    """`$name` and `${name}` of a `string.Template`."""
    names = set(re.findall(r"\$\{?(\w+)", text))
    known = {name: text_of(values[name]) if name in values else HOLE for name in names}
    try:
        return string.Template(text).safe_substitute(known)
    except ValueError:
        return HOLE


def rendered(text: str, values: dict[str, Known]) -> str:
    """`{{ name }}` of a Jinja template; blocks stay as they are."""

    def value(found: re.Match[str]) -> str:
        return text_of(values[found[1]]) if found[1] in values else HOLE

    return JINJA.sub(value, text)
