"""YAML as CI providers read it: `on` is a key and `off` a word, not truth values.

Writes block style, long texts as `|`, keys in the order given; reads with the core schema's truth
values alone.
"""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

TRUTH: Final = "tag:yaml.org,2002:bool"
LITERAL_TRUTH: Final = re.compile(r"true|True|TRUE|false|False|FALSE")


class _Writer(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


class _Reader(yaml.SafeLoader):
    pass


def _text(writer: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Writer.add_representer(str, _text)
for _kind in (_Reader, _Writer):
    _kind.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in rules if tag != TRUTH]
        for first, rules in _kind.yaml_implicit_resolvers.items()
    }
    _kind.add_implicit_resolver(TRUTH, LITERAL_TRUTH, list("tTfF"))


class BadYaml(ValueError):
    """The text is not YAML, or not a mapping."""


def write(tree: dict[str, Any]) -> str:
    """The tree with an empty line between its top keys and between their entries of depth two."""
    parts = [
        yaml.dump({key: value}, Dumper=_Writer, sort_keys=False, width=1000, allow_unicode=True)
        for key, value in tree.items()
    ]
    return "\n".join(parts)


def read(text: str, file: str) -> dict[str, Any]:
    """Raises `BadYaml` with the place."""
    try:
        found = yaml.load(text, Loader=_Reader)
    except yaml.YAMLError as fault:
        raise BadYaml(f"{file} is not YAML: {fault}") from fault
    if not isinstance(found, dict):
        raise BadYaml(f"{file} holds no mapping")
    return found
