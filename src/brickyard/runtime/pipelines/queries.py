"""SQL queries of a pipeline: which names in them are its datasets or streams.

`STREAM(name)`, `STREAM name`, `read_files(…)` and names of datasets are replaced by what they
stand for; all other characters of the query stay as written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from brickyard.runtime.pipelines.graph import PipelineFault

DIALECT: Final = "databricks"
BEFORE_TABLE: Final = frozenset({"FROM", "JOIN", ",", "("})


@dataclass(slots=True, kw_only=True)
class Special:
    """A stream, or a call of `read_files`, and where it stands."""

    name: str = ""
    arguments: Mapping[str, Any] | None = None  # of read_files; "" is the path
    is_stream: bool
    start: int
    end: int  # after the last character


@dataclass(slots=True, kw_only=True)
class Query:
    """A query as read: `names` are (start, end, dotted name) of the other tables in `text`."""

    text: str
    specials: dict[str, Special] = field(default_factory=dict)  # by the name that stands for it
    names: list[tuple[int, int, str]] = field(default_factory=list)
    remembers: bool = False  # aggregates, distinct, windows, limits
    joins: bool = False


def read_query(text: str, fresh: Callable[[], str]) -> Query | None:
    """None for what is no query. `fresh` gives names for streams and file reads."""
    import sqlglot
    from sqlglot import exp

    specials = list(_specials(text))
    named: dict[str, Special] = {}
    changed, at = "", 0
    for one in specials:
        name = fresh()
        named[name] = one
        changed += text[at : one.start] + name
        at = one.end
    changed += text[at:]
    try:
        tree = sqlglot.parse_one(changed, read=DIALECT)
    except sqlglot.errors.SqlglotError as fault:
        if specials:
            raise PipelineFault(f"Cannot read the query: {fault}\n{text.strip()}") from None
        return None
    if not isinstance(tree, exp.Query):
        return None
    local = {one.alias_or_name.lower() for one in tree.find_all(exp.CTE)}
    query = Query(text=changed, specials=named)
    for table in tree.find_all(exp.Table):
        parts = [part for part in table.parts if isinstance(part, exp.Identifier)]
        if len(parts) != len(table.parts) or not parts or "start" not in parts[0].meta:
            continue
        dotted = ".".join(f"`{one.name}`" for one in parts)
        bare = len(parts) == 1 and parts[0].name.lower() in local
        if not bare and parts[0].name not in named:
            query.names.append((parts[0].meta["start"], parts[-1].meta["end"] + 1, dotted))
    query.remembers = any(
        tree.find(kind) is not None
        for kind in (exp.AggFunc, exp.Group, exp.Distinct, exp.Window, exp.Limit, exp.Order)
    )
    query.joins = tree.find(exp.Join) is not None
    return query


def replaced(query: Query, texts: Mapping[int, tuple[int, str]]) -> str:
    """The query with other text at some places: start -> (end, text)."""
    found, at = "", 0
    for start in sorted(texts):
        end, text = texts[start]
        found += query.text[at:start] + text
        at = end
    return found + query.text[at:]


def _specials(text: str) -> Iterator[Special]:
    from sqlglot import tokenize

    tokens = tokenize(text, read=DIALECT)
    words = ["" if _is_quoted(one) else one.text.upper() for one in tokens]
    at = 0
    while at < len(tokens):
        before = words[at - 1] if at else ""
        is_stream = words[at] == "STREAM" and before in BEFORE_TABLE
        is_files = words[at] == "READ_FILES" and before in BEFORE_TABLE
        if not (is_stream or is_files) or at + 1 >= len(tokens):
            at += 1
            continue
        first = at
        wrapped = is_stream and words[at + 1] == "("
        at += (1 if is_stream else 0) + (1 if wrapped else 0)
        if words[at] == "READ_FILES":
            end = _closing(words, at + 1)
            made = Special(
                arguments=_arguments(tokens[at + 2 : end]), is_stream=is_stream, start=0, end=0
            )
        else:
            end, name = _dotted(tokens, words, at)
            made = Special(name=name, is_stream=True, start=0, end=0)
        if wrapped:
            end += 1
            if end >= len(words) or words[end] != ")":
                raise PipelineFault(f"Cannot read STREAM(…) in:\n{text.strip()}")
        made.start, made.end = tokens[first].start, tokens[end].end + 1
        yield made
        at = end + 1


def _dotted(tokens: list[Any], words: list[str], at: int) -> tuple[int, str]:
    """The index of the last token of a name, and the name."""
    name = f"`{tokens[at].text}`"
    while at + 2 < len(tokens) and words[at + 1] == ".":
        at += 2
        name += f".`{tokens[at].text}`"
    return at, name


def _closing(words: list[str], at: int) -> int:
    """The index of the bracket that closes the one at `at`."""
    depth = 0
    for number in range(at, len(words)):
        depth += (words[number] == "(") - (words[number] == ")")
        if depth == 0:
            return number
    raise PipelineFault("A bracket of read_files is not closed.")


def _arguments(tokens: list[Any]) -> dict[str, Any]:
    """`path, name => literal, …` of read_files."""
    found: dict[str, Any] = {}
    group: list[Any] = []
    for token in [*tokens, None]:
        if token is not None and token.text != ",":
            group.append(token)
            continue
        if not group:
            continue
        texts = [one.text for one in group]
        if len(group) == 1:
            found[""] = texts[0]
        elif len(group) == 3 and texts[1] == "=>":
            found[texts[0].lower()] = texts[2]
        else:
            raise PipelineFault(f"read_files: {' '.join(texts)}: an argument must be a literal")
        group = []
    return found


def _is_quoted(token: Any) -> bool:
    return token.token_type.name in ("STRING", "IDENTIFIER")
