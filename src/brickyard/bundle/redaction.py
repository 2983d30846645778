"""`[redacted]` in the place of secrets, wherever a resolved bundle is shown.

As soon as the bundle has a secret of Unity Catalog, every variable that is a string may be where it
came from, and is redacted, as the official CLI does. Beyond that, fields that hold a secret as it
is (`…_plaintext`) are redacted, and the text of every secret is taken out of all other values too:
a job's description that repeats it would show it as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from brickyard.resources import PLAINTEXT, TYPES
from brickyard.values import Plain

REDACTED: Final = "[redacted]"
# A shorter text is found within others by chance; where it stands as a whole it goes all the same.
LONG_ENOUGH: Final = 4


def without_secrets(tree: dict[str, Plain]) -> dict[str, Plain]:
    """The same tree when nothing in it is secret."""
    secrets, plaintexts = frozenset(_secrets(tree)), frozenset(_plaintexts(tree))
    if not secrets | plaintexts:
        return tree
    made = {name: _redacted(value, secrets | plaintexts) for name, value in tree.items()}
    variables = made.get("variables") if secrets else None
    for variable in variables.values() if isinstance(variables, dict) else ():
        if isinstance(variable, dict) and isinstance(variable.get("value"), str):
            variable["value"] = REDACTED
    resources = made.get("resources")
    for fields, resource in _sensitive(resources):
        for field in fields:
            if isinstance(resource.get(field), str):
                resource[field] = REDACTED
    return made


def _secrets(tree: dict[str, Plain]) -> Iterator[str]:
    for fields, resource in _sensitive(tree.get("resources")):
        for field in fields:
            value = resource.get(field)
            if isinstance(value, str) and value:
                yield value


def _plaintexts(value: Plain) -> Iterator[str]:
    for name, part in value.items() if isinstance(value, dict) else ():
        if name.endswith(PLAINTEXT) and isinstance(part, str) and part and "${" not in part:
            yield part
        yield from _plaintexts(part)
    for part in value if isinstance(value, list) else ():
        yield from _plaintexts(part)


def _sensitive(resources: Plain) -> Iterator[tuple[tuple[str, ...], dict[str, Plain]]]:
    for kind, group in resources.items() if isinstance(resources, dict) else ():
        fields = TYPES[kind].secrets if kind in TYPES else ()
        for resource in group.values() if fields and isinstance(group, dict) else ():
            if isinstance(resource, dict):
                yield fields, resource


def _redacted(value: Plain, secrets: frozenset[str]) -> Plain:
    if isinstance(value, dict):
        return {name: _redacted(part, secrets) for name, part in value.items()}
    if isinstance(value, list):
        return [_redacted(part, secrets) for part in value]
    if not isinstance(value, str):
        return value
    if value in secrets:
        return REDACTED
    for secret in secrets:
        # A reference is a name and not what it stands for.
        if len(secret) >= LONG_ENOUGH and not secret.startswith("${"):
            value = value.replace(secret, REDACTED)
    return value
