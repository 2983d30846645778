"""With what an app starts: the variables of its environment, from the bundle and its app.yaml."""

from __future__ import annotations

import posixpath

from brickyard.policy.abstract_values import Known, Unknown
from brickyard.policy.references import plain_text
from brickyard.policy.sources import Sources
from brickyard.policy.sql_session import HOLE
from brickyard.values import Value, has_errors, read_yaml

FILES = ("app.yaml", "app.yml")


def app_environment(app: Value, sources: Sources, folder: str, tree: Value) -> dict[str, Known]:
    """Name to value; those that come from a resource are known only once it is deployed."""
    found: dict[str, Known] = {}
    for name in FILES:
        path = posixpath.normpath(posixpath.join(folder, name))
        if path in sources.files:
            declared, faults = read_yaml(sources.files[path], path)
            if not has_errors(faults):
                found |= _variables(declared.get("env"), tree)
    return found | _variables(app.get("config.env"), tree)


def _variables(listed: Value | None, tree: Value) -> dict[str, Known]:
    found: dict[str, Known] = {}
    for one in listed.elements if listed is not None else ():
        name, value = one.get("name"), one.get("value")
        if name is None or not name.text:
            continue
        text = plain_text(value, tree) if value is not None else HOLE
        why = f"{name.text} comes from a resource of the app"
        found[name.text] = Unknown(why) if text == HOLE else text
    return found
