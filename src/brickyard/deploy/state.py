"""What was deployed: the official direct engine's `resources.json`, version 2, as a value.

`state` of an entry holds the configuration as it was sent (references resolved, secrets blank),
never what was read back. Versions 0 and 1 are read and upgraded; newer ones are refused.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any, Final

STATE_VERSION: Final = 2
# The release of the official CLI whose formats we write; it warns about states from a later one.
CLI_VERSION: Final = "1.14.0"


class BadState(Exception):
    """A state file that cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """`node` is the address depended on, `label` the reference that made the edge."""

    node: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One deployed node: its id in the workspace and the configuration sent."""

    id: str
    state: Mapping[str, Any]
    depends_on: tuple[Dependency, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything recorded about one deployment. `lineage` is empty before the first write."""

    lineage: str = ""
    serial: int = 0
    cli_version: str = CLI_VERSION
    entries: Mapping[str, Entry] = field(default_factory=lambda: MappingProxyType({}))

    def following(self) -> State:
        """The same entries under the next serial, with a lineage."""
        return replace(
            self,
            lineage=self.lineage or str(uuid.uuid4()),
            serial=self.serial + 1,
            cli_version=CLI_VERSION,
        )

    def put(self, address: str, entry: Entry | None) -> State:
        """With one entry set, or dropped."""
        entries = {key: value for key, value in self.entries.items() if key != address}
        if entry is not None:
            entries[address] = entry
        return replace(self, entries=entries)


def write_state(state: State) -> bytes:
    """The file's bytes: one-space indent, sorted addresses, no final newline."""
    return go_json(
        {
            "state_version": STATE_VERSION,
            "cli_version": state.cli_version,
            "lineage": state.lineage,
            "serial": state.serial,
            "state": {key: write_entry(state.entries[key]) for key in sorted(state.entries)},
        },
        indent=1,
    ).encode()


def read_state(content: bytes, name: str) -> State:
    """Raises `BadState` when the file is damaged or newer than we understand."""
    try:
        data = json.loads(content)
        version = int(data.get("state_version", 0))
        if version > STATE_VERSION and not (version == 3 and not data.get("features")):
            raise BadState(
                f"{name} has state version {version}; this Brickyard understands up to"
                f" {STATE_VERSION}: upgrade Brickyard"
            )
        entries = {
            str(key): read_entry(value, version) for key, value in (data.get("state") or {}).items()
        }
        return State(
            lineage=str(data.get("lineage", "")),
            serial=int(data.get("serial", 0)),
            cli_version=str(data.get("cli_version", "")),
            entries=entries,
        )
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise BadState(f"{name} is not a bundle state: {error}") from error


def write_entry(entry: Entry) -> dict[str, Any]:
    shown: dict[str, Any] = {"__id__": entry.id, "state": in_order(entry.state)}
    if entry.depends_on:
        shown["depends_on"] = [{"node": d.node, "label": d.label} for d in entry.depends_on]
    return shown


def read_entry(data: Mapping[str, Any], version: int = STATE_VERSION) -> Entry:
    state = data.get("state") or {}
    if version < 2:
        state = _upgrade_lists(state)
    return Entry(
        id=str(data.get("__id__", "")),
        state=state,
        depends_on=tuple(
            Dependency(str(d.get("node", "")), str(d.get("label", "")))
            for d in data.get("depends_on") or ()
        ),
    )


def _upgrade_lists(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Version 1 kept permissions and grants under their own names."""
    for old in ("permissions", "grants"):
        if old in state and {"object_id", "full_name"} & state.keys():
            items = [
                {("level" if k == "permission_level" else k): v for k, v in item.items()}
                for item in state[old]
            ]
            rest = {key: value for key, value in state.items() if key != old}
            return {**rest, "__embed__": items}
    return state


def go_json(data: object, *, indent: int | None = None, sort_keys: bool = False) -> str:
    """JSON as Go's encoder writes it: `<`, `>`, `&` and the two line separators escaped.

    Whole numbers have no point: 5.0 is written 5.
    """
    separators = (",", ":") if indent is None else (",", ": ")
    dumps = partial(
        json.dumps, indent=indent, ensure_ascii=False, sort_keys=sort_keys, separators=separators
    )
    text = dumps(data)
    if _POINT_ZERO.search(text):  # perhaps in a text only: then nothing changes
        text = dumps(_whole(data))
    return text.translate(_GO_ESCAPES)


def in_order(data: object) -> object:
    """Members as the official CLI writes them: by name, but for lists of permissions and grants."""
    if isinstance(data, Mapping):
        if not data.keys().isdisjoint(_OF_ACCESS) or data.keys() <= _OF_GRANTS:
            return {key: in_order(value) for key, value in data.items()}
        keys = sorted(data)
        if "level" in data:
            keys.sort(key=lambda key: (*_PERMISSION, key).index(key))
        return {key: in_order(data[key]) for key in keys}
    return [in_order(value) for value in data] if isinstance(data, list | tuple) else data


_OF_ACCESS: Final = ("__embed__", "acls")
_OF_GRANTS: Final = frozenset({"securable_type", "full_name"})  # of no grants; a catalog has more
_PERMISSION: Final = ("level", "user_name", "service_principal_name", "group_name")


def _whole(data: object) -> object:
    if isinstance(data, float):
        return int(data) if data.is_integer() and abs(data) < _PLAIN else data
    if isinstance(data, Mapping):
        return {key: _whole(value) for key, value in data.items()}
    return [_whole(value) for value in data] if isinstance(data, list | tuple) else data


_POINT_ZERO: Final = re.compile(r"\d\.0[\s,}\]]|\d\.0$")
_PLAIN: Final = 1e21  # from here on Go writes an exponent
_GO_ESCAPES: Final = {
    ord("<"): "\\u003c",
    ord(">"): "\\u003e",
    ord("&"): "\\u0026",
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}
