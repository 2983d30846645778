"""What is known already: the data dictionary, and rules that held for other tables.

It lies in this package as two JSON files. `ingest` writes it to a table, and a vector index follows
that table; the agent asks the index for what fits the table it examines. Without an index it asks
the files, by words in common.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

COLUMN, RULE = "column", "rule"
FIELDS = ("id", "kind", "subject", "text", "content")
FOLDER = Path(__file__).with_name("known")
OPTIONAL = re.compile(r"\(\?P<\w+>[^)]*\)|\([^)]*\)\?|\\\w\+?")  # in the patterns of past rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`subject` is the column's table, or empty; `text` is what is searched, `content` JSON."""

    id: str
    kind: str
    subject: str
    text: str
    content: str


class Knowledge(Protocol):
    def search(self, text: str, *, kind: str, subject: str = "", count: int) -> list[Entry]:
        """The entries nearest to the text, best first."""


def read_entries(folder: Path = FOLDER) -> list[Entry]:
    """Everything in the two files."""
    dictionary = json.loads((folder / "data_dictionary.json").read_text("utf-8"))
    rules = json.loads((folder / "past_rules.json").read_text("utf-8"))
    columns = (
        Entry(
            id=f"{table}.{column}",
            kind=COLUMN,
            subject=table,
            text=f"{column} of {table}: {about}",
            content=json.dumps({"column": column, "about": about}),
        )
        for table, described in dictionary.items()
        for column, about in described.items()
    )
    return [*columns, *(_rule_entry(number, rule) for number, rule in enumerate(rules, 1))]


def _rule_entry(number: int, rule: Mapping[str, Any]) -> Entry:
    names = (
        " ".join(re.findall("[a-z]+", OPTIONAL.sub("", one))) for one in rule["match"].values()
    )
    return Entry(
        id=f"rule-{number}",
        kind=RULE,
        subject="",
        text=f"{rule['about']} Columns: {', '.join(names)}.",
        content=json.dumps(rule),
    )


@dataclass(frozen=True, slots=True)
class IndexKnowledge:
    """Asks a vector index, by meaning and by words."""

    client: WorkspaceClient
    index: str

    def search(self, text: str, *, kind: str, subject: str = "", count: int) -> list[Entry]:
        wanted = {"kind": kind} | ({"subject": subject} if subject else {})
        answer = self.client.vector_search_indexes.query_index(
            self.index,
            list(FIELDS),
            query_text=text,
            query_type="HYBRID",
            num_results=count,
            filters_json=json.dumps(wanted),
        )
        rows = answer.result.data_array if answer.result else None
        return [Entry(**dict(zip(FIELDS, row, strict=False))) for row in rows or ()]


@dataclass(frozen=True, slots=True)
class ShippedKnowledge:
    """Asks entries at hand."""

    entries: Sequence[Entry]

    def search(self, text: str, *, kind: str, subject: str = "", count: int) -> list[Entry]:
        asked = _words(text)
        ranked = sorted(
            (one for one in self.entries if one.kind == kind and subject in ("", one.subject)),
            key=lambda one: -len(asked & _words(one.text)),
        )
        return ranked[:count]


def rules_that_fit(past: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> list[Any]:
    """Past rules with this table's columns put in, in every way that the names allow."""
    fitting: list[Any] = []
    for rule in past:
        for names in _fits(rule["match"], columns):
            text = json.dumps(rule["rule"])
            for role, name in names.items():
                text = text.replace("{" + role + "}", name)
            fitting.append(json.loads(text) | {"reason": rule["about"]})
    return fitting


def _fits(match: Mapping[str, str], columns: Sequence[str]) -> list[dict[str, str]]:
    """Every way to give each role a column whose name fits; named groups must agree."""
    found: list[list[tuple[str, dict[str, str]]]] = []
    for pattern in match.values():
        hits = ((column, re.fullmatch(pattern, column)) for column in columns)
        found.append([(column, hit.groupdict()) for column, hit in hits if hit])
    fits = []
    for chosen in itertools.product(*found):
        names = [name for name, _ in chosen]
        said: dict[str, set[str]] = {}
        for _, groups in chosen:
            for group, value in groups.items():
                said.setdefault(group, set()).add(value)
        if len(set(names)) == len(names) and all(len(values) == 1 for values in said.values()):
            fits.append(dict(zip(match, names, strict=True)))
    return fits


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", text.lower()))
