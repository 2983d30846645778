"""Releases: the records that promotions and rollbacks leave in the workspace's files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from brickyard.workspace.pages.api import Api
from brickyard.workspace.pages.blocks import (
    Block,
    Cell,
    Page,
    Table,
    Text,
    address,
    as_json,
    cell,
    code,
    facts,
    state,
)
from brickyard.workspace.pages.rendering import took

SECTION: Final = "releases"
ENDING: Final = ".releases"
# What of a record is shown as it is, below the facts.
WHOLE: Final = ("outputs", "evaluation", "models", "prompts", "indexes", "data", "policy", "plan")
APPROVAL_COLUMNS: Final = ("Who", "What", "When", "Comment", "Does not count, as")
HOMES: Final = ("/Shared", "/Users")


async def listing(api: Api) -> Page:
    folders = await _folders(api)
    found = await asyncio.gather(*(_records(api, folder) for folder in folders))
    records = sorted((one for each in found for one in each), key=lambda one: one[0], reverse=True)
    table = Table(
        title="Releases",
        columns=("Number", "Bundle", "Deployed to"),
        rows=[row for _, row in records],
        empty="Nothing was released here yet: `brickyard release promote` writes the first record.",
    )
    return Page(title="Releases", section=SECTION, blocks=[table])


def folder_of(path: str) -> str:
    """The folder of records that a file lies in; '' when it is no record."""
    folder = path.rpartition("/")[0]
    return folder if folder.endswith(ENDING) else ""


def record(path: str, content: str, above: Sequence[tuple[str, str]]) -> Page:
    """One record, as it was written."""
    try:
        told = json.loads(content)
    except ValueError:
        told = None
    name = path.rpartition("/")[2]
    if not isinstance(told, Mapping):
        block = Text(title="Content", text=content)
        return Page(title=name, kind="Release", section=SECTION, above=above, blocks=[block])
    blocks: list[Block] = [
        facts(
            ("Result", state(told.get("result"))),
            ("Reason", told.get("reason")),
            ("Kind", told.get("kind")),
            ("Environment", told.get("environment")),
            ("Commit", code(told.get("commit"))),
            ("Subject", told.get("subject")),
            ("Author", told.get("author")),
            ("Released by", told.get("who")),
            ("Started", told.get("started")),
            ("Ended", told.get("ended")),
            ("Record before", code(told.get("previous"))),
        ),
        _steps(told),
        *_approvals(told),
    ]
    if lines := told.get("gate"):
        blocks.append(Text(title="Gate", text="\n".join(map(str, lines))))
    blocks += [
        as_json(key.capitalize(), told[key], is_open=key == "evaluation")
        for key in WHOLE
        if told.get(key)
    ]
    title = f"{told.get('bundle', '')}, release {told.get('sequence', '')}"
    return Page(title=title, kind="Release", section=SECTION, above=above, blocks=blocks)


def _steps(told: Mapping[str, Any]) -> Table:
    rows = [
        (
            cell(one.get("step")),
            cell(one.get("action")),
            state(one.get("result")),
            cell(took(1000 * float(one.get("seconds") or 0))),
            cell(one.get("reason")),
        )
        for one in told.get("steps") or ()
        if isinstance(one, Mapping)
    ]
    return Table(title="Steps", columns=("Step", "Action", "Result", "Took", "Says"), rows=rows)


def _approvals(told: Mapping[str, Any]) -> list[Block]:
    rows = [
        [cell(one.get(name)) for name in ("who", "decision", "when", "comment", "why_void")]
        for one in told.get("approvals") or ()
        if isinstance(one, Mapping)
    ]
    return [Table(title="Approvals", columns=APPROVAL_COLUMNS, rows=rows)] if rows else []


async def _folders(api: Api) -> list[str]:
    """Every folder of records below the homes that may be seen: `<home>/.bundle/<name>/*`."""
    users = await _below(api, "/Users")
    roots = ["/Shared/.bundle", *(f"{one}/.bundle" for one in users)]
    bundles = [
        one for each in await asyncio.gather(*(_below(api, r) for r in roots)) for one in each
    ]
    found = await asyncio.gather(*(_below(api, one) for one in bundles))
    return [one for each in found for one in each if one.endswith(ENDING)]


async def _records(api: Api, folder: str) -> list[tuple[str, Sequence[Cell]]]:
    above, _, target = folder.rpartition("/")
    bundle = above.rpartition("/")[2]
    rows: list[tuple[str, Sequence[Cell]]] = []
    for path in await _below(api, folder):
        name = path.rpartition("/")[2]
        if name.endswith(".json"):
            number = name.partition("-")[0]
            here = cell(number, address("files", *path.strip("/").split("/")))
            rows.append((number, (here, cell(bundle), cell(target.removesuffix(ENDING)))))
    return rows


async def _below(api: Api, path: str) -> list[str]:
    found = await api.seen("/api/2.0/workspace/list", path=path)
    return [str(one["path"]) for one in found.get("objects") or ()]
