"""Resources whose content lies in a file beside the bundle: dashboards, Genie spaces, alerts.

The file is read when the bundle is resolved, so that a plan shows what will be deployed.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator
from typing import Final

from brickyard.bundle.draft import Draft
from brickyard.bundle.json_faults import json_words
from brickyard.bundle.path_texts import is_path_here
from brickyard.bundle.places import folder_of
from brickyard.bundle.schema import schema
from brickyard.values import Diagnostic, Path, Value, error, show, value_of

# What an alert may have beside a file that holds the rest.
BESIDE_FILE: Final = ("warehouse_id", "display_name", "file_path", "permissions", "lifecycle")
FIELDS: Final = {"dashboards": "serialized_dashboard", "genie_spaces": "serialized_space"}
NO_CONTENT: Final = ("bool", "int", "float")
LINES: Final = {"query_lines": "query_text", "custom_description_lines": "custom_description"}


def read_contents(draft: Draft) -> Draft:
    """Puts the files' text where the API wants it. Reads: files. Writes: the three types."""
    changes: dict[Path, Value] = {}
    found: list[Diagnostic] = []
    for kind, field in FIELDS.items():
        for key, value in draft.each(kind):
            at: Path = ("resources", kind, key)
            made = _with_text(draft, at, value, field, found)
            if made is not value:
                changes[at] = made
    for key, value in draft.each("alerts"):
        at = ("resources", "alerts", key)
        made = _from_alert_file(draft, at, value, found)
        if made is not value:
            changes[at] = made
    return draft.putting(changes, found)


def _with_text(draft: Draft, at: Path, value: Value, field: str, found: list[Diagnostic]) -> Value:
    file, inline = value.child("file_path"), value.child(field)
    if file is not None and file.text:
        if field == "serialized_space" and inline is not None and inline.data is not None:
            found.append(
                error(
                    "bundle/two-contents",
                    "both file_path and serialized_space are set; specify only one",
                    "They are two ways to give the same content. Remove one of them.",
                    path=show((*at, field)),
                    at=inline.locations,
                )
            )
            return value
        text = _read(draft, (*at, "file_path"), file, found)
        local = _local(file)
        value = value.put("file_path", file.with_data(local))
        return value if text is None else value.put(field, value_of(text))
    if field == "serialized_space" and inline is not None and inline.kind in NO_CONTENT:
        found.append(
            error(
                "bundle/two-contents",
                f"serialized_space must be a string, map, or sequence, got {inline.kind}",
                "Write the space as its JSON, or name a file with `file_path`.",
                path=show((*at, field)),
                at=inline.locations,
            )
        )
    if field == "serialized_space" and inline is not None and inline.kind in ("map", "sequence"):
        text = json.dumps(inline.plain(), separators=(",", ":"), sort_keys=True)
        return value.put(field, inline.with_data(text))
    return value


def _from_alert_file(draft: Draft, at: Path, value: Value, found: list[Diagnostic]) -> Value:
    file = value.child("file_path")
    if file is None or not file.text:
        return value
    refused = list(_not_beside_file(at, value))
    text = _read(draft, (*at, "file_path"), file, found) if not refused else None
    found.extend(refused)
    if text is None:
        return value
    problem, read = "", {}
    try:
        read = json.loads(text)
    except json.JSONDecodeError as fault:
        words = json_words(text, fault)
        problem = f"failed to parse .dbalert.json file {_local(file)}: {words}"
    if not problem and not isinstance(read, dict):
        problem = f"failed to parse .dbalert.json file {_local(file)}: it holds no object"
    if not problem and "${" in text:
        problem = f".alert file {_local(file)} must not contain variable interpolations."
    if problem:
        detail = "Correct the file, or write the alert in the bundle's configuration."
        at_file = (*at, "file_path")
        found.append(
            error("bundle/alert-file", problem, detail, path=show(at_file), at=file.locations)
        )
        return value
    for lines, field in LINES.items():
        if read.get(lines):
            read[field] = "".join(f"{line}\n" for line in read[lines])
        read.pop(lines, None)
    made = value.put("file_path", file.with_data(_local(file)))
    known = schema().structures["resources.alerts"]
    for name, item in read.items():
        if name not in BESIDE_FILE and name in known:
            made = made.put(name, value_of(item, file.locations))
    if "display_name" not in value.items:
        made = made.put("display_name", value_of("", file.locations))
    return made


def _not_beside_file(at: Path, value: Value) -> Iterator[Diagnostic]:
    for name, part in value.items.items():
        if name not in BESIDE_FILE and part.data is not None:
            yield error(
                "bundle/beside-alert-file",
                f"field {name} is not allowed in the bundle configuration.",
                "When a .dbalert.json is specified, only these fields are allowed beside it:"
                f" {', '.join(BESIDE_FILE)}. Move `{name}` into the file.",
                path=show((*at, name)),
                at=part.locations,
                is_explained=True,
            )


def _local(file: Value) -> str:
    """The path relative to the bundle's root; what is no path here stays as it is."""
    if not is_path_here(file.text):
        return file.text
    return posixpath.normpath(posixpath.join(folder_of(file), file.text))


def _read(draft: Draft, at: Path, file: Value, found: list[Diagnostic]) -> str | None:
    content = draft.files.read(_local(file))
    if content is not None:
        return content.decode(errors="replace")
    what = {"dashboards": "serialized dashboard", "genie_spaces": "serialized genie space"}
    name, local = what.get(str(at[1]), ".dbalert.json file"), _local(file)
    of_alert = at[1] == "alerts"
    place = posixpath.normpath(posixpath.join(draft.facts.root, local)) if of_alert else local
    if not of_alert and (local.startswith("/") or "//" in local):
        why = f"readfile {place}: invalid argument"
    elif draft.files.is_folder(local):
        why = f"read {place}: is a directory"
    else:
        why = f"open {place}: no such file or directory"
    found.append(
        error(
            "bundle/alert-file" if of_alert else "bundle/missing-content",
            f"failed to read {name} {'' if of_alert else 'from file_path '}{local}: {why}",
            "There is no such file. Create it or correct the path; it counts from the file that"
            " holds it.",
            path=show(at),
            at=file.locations,
        )
    )
    return None
