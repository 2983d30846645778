"""What a reference to something deployed stands for: its id, what was recorded, what is actual."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from brickyard.deploy.references import Reference, Unresolved, field_of
from brickyard.deploy.state import Entry


def recorded_value(
    reference: Reference,
    entries: Mapping[str, Entry],
    whole: Callable[[str], Mapping[str, Any]],
) -> Any:
    """The value, None for a field that is not set; `whole` reads the actual resource at an address.

    Raises `Unresolved`.
    """
    entry = entries.get(reference.address)
    if entry is None:
        raise Unresolved(reference.text)
    if reference.field == "id":
        return entry.id
    try:
        return field_of(entry.state, reference.field)
    except KeyError:
        pass
    try:
        return field_of(whole(reference.address), reference.field)
    except KeyError:
        if reference.field.isidentifier():
            return None  # the plan has seen that there is such a field
        raise Unresolved(reference.text) from None
