"""SQL sources of a pipeline: statements that declare datasets and flows.

Follows the pipeline SQL reference: `CREATE OR REFRESH STREAMING TABLE`, `MATERIALIZED VIEW`,
`TEMPORARY VIEW`, constraints with EXPECT, `CREATE FLOW`, `APPLY CHANGES INTO`, `USE`, `SET`.
Statements are read token by token; queries inside them stay text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from brickyard.runtime import sql_cells
from brickyard.runtime.pipelines.declarations import scd_type
from brickyard.runtime.pipelines.graph import (
    MATERIALIZED_VIEW,
    STREAMING_TABLE,
    VIEW,
    Action,
    Cdc,
    Dataset,
    Defaults,
    Expectation,
    Flow,
    Graph,
    PipelineFault,
)

DIALECT: Final = "databricks"
Query = Callable[[str], Any]
CLAUSES: Final = frozenset(
    {"USING", "PARTITIONED", "CLUSTER", "LOCATION", "COMMENT", "TBLPROPERTIES", "SCHEDULE"}
    | {"TRIGGER", "REFRESH", "DEFAULT", "WITH", "ROW", "AS", "FLOW"}
)
OR_WITHOUT: Final = {"PRIVATE", "LIVE"}
PARAMETER: Final = re.compile(r"\$\{([\w.-]+)\}")


def read_statements(
    text: str, graph: Graph, configuration: dict[str, str], query: Query, where: str
) -> None:
    """Add what the text declares to the graph. `query` runs SQL as a query of the pipeline."""
    outer = graph.now
    try:
        for statement in sql_cells.statements(text):
            filled = PARAMETER.sub(lambda found: configuration.get(found[1], found[0]), statement)
            Statement(filled, graph, configuration, query, where).read()
    finally:
        graph.now = outer


@dataclass(frozen=True, slots=True)
class Word:
    """A token; `quote` is ' for a string and ` for a quoted name. Both ends are inside it."""

    text: str
    quote: str
    start: int
    end: int


def _words(token: Any) -> Iterator[Word]:
    """The tokenizer joins words such as PARTITIONED BY: here each stands for itself."""
    quote = {"STRING": "'", "IDENTIFIER": "`"}.get(token.token_type.name, "")
    if quote:
        yield Word(token.text, quote, token.start, token.end)
        return
    for found in re.finditer(r"\S+", token.text):
        start = token.start + found.start()
        yield Word(found[0], "", start, start + len(found[0]) - 1)


class Statement:
    """One statement, read from its first token to its last."""

    def __init__(
        self, text: str, graph: Graph, configuration: dict[str, str], query: Query, where: str
    ) -> None:
        from sqlglot import tokenize

        self._text = text
        self._graph = graph
        self._configuration = configuration
        self._query = query
        self._where = where
        self._tokens = [word for one in tokenize(text, read=DIALECT) for word in _words(one)]
        self._at = 0

    def read(self) -> None:
        if self._take("CREATE"):
            self._create()
        elif self._take("APPLY", "CHANGES", "INTO"):
            target = self._name()
            self._add_cdc(self._cdc(), target, target)
        elif self._take("USE"):
            self._use()
        elif self._take("SET"):
            name, _, value = self._rest().partition("=")
            self._configuration[name.strip()] = value.strip().strip("'\"")
        else:
            raise self._fault("a pipeline's SQL declares datasets and flows")

    def _create(self) -> None:
        self._take("OR", "REFRESH") or self._take("OR", "REPLACE")
        while any(self._take(word) for word in OR_WITHOUT):
            pass
        if self._take("FLOW"):
            self._flow()
        elif self._take("STREAMING"):
            self._take("LIVE")
            self._expect("TABLE")
            self._dataset(STREAMING_TABLE)
        elif self._take("MATERIALIZED"):
            self._expect("VIEW")
            self._dataset(MATERIALIZED_VIEW)
        elif self._take("TABLE"):  # CREATE LIVE TABLE, the older form
            self._dataset(MATERIALIZED_VIEW)
        elif self._take("TEMPORARY") or self._take("TEMP"):
            while any(self._take(word) for word in ("LIVE", "STREAMING")):
                pass
            self._expect("VIEW")
            self._dataset(VIEW)
        elif self._take("VIEW"):
            self._dataset(VIEW)
        else:
            raise self._fault("this cannot be created in a pipeline of the embedded workspace")

    def _dataset(self, kind: str) -> None:
        self._take("IF", "NOT", "EXISTS")
        name = self._name()
        key = self._graph.key(name, is_view=kind == VIEW)
        columns, expectations = self._columns() if self._word() == "(" else ("", [])
        dataset = Dataset(
            key=key,
            kind=kind,
            schema=columns or None,
            expectations=expectations,
            where=self._where,
        )
        while (clause := self._word()) and clause in CLAUSES and clause not in ("AS", "FLOW"):
            self._clause(dataset)
        self._graph.declare(dataset)
        if self._take("FLOW"):
            if self._take("AUTO", "CDC") or self._take("APPLY", "CHANGES"):
                self._add_cdc(self._cdc(), name, name)
                return
            raise self._fault("FLOW AUTO CDC is the only flow that can stand here")
        if self._take("AS"):
            self._add_query(key, key, self._rest())
        elif self._at < len(self._tokens):
            raise self._fault(f"{self._tokens[self._at].text} is not understood here")
        elif kind != STREAMING_TABLE:
            raise self._fault("a query is missing: AS SELECT …")

    def _clause(self, dataset: Dataset) -> None:
        if self._take("COMMENT"):
            dataset.comment = self._string()
        elif self._take("TBLPROPERTIES"):
            dataset.properties = self._properties()
        elif self._take("PARTITIONED"):
            self._expect("BY")
            dataset.partitions = [one.strip("` ") for one in self._bracket().split(",")]
        elif self._take("CLUSTER"):
            self._expect("BY")
            if self._word() == "(":
                self._bracket()
            else:
                self._next()
        elif self._take("USING"):
            self._next()
        elif self._word() in ("SCHEDULE", "TRIGGER", "REFRESH"):
            # When the service refreshes by itself: here the pipeline's updates do.
            while self._at < len(self._tokens) and self._word() not in ("AS", "COMMENT"):
                self._next()
        else:
            raise self._fault(f"{self._word()} is not available in the embedded workspace")

    def _columns(self) -> tuple[str, list[Expectation]]:
        """Column definitions as DDL, and the expectations among them."""
        columns: list[str] = []
        expectations: list[Expectation] = []
        for item in _split(self._bracket()):
            found = EXPECT.fullmatch(item)
            if found is not None:
                expectations.append(
                    Expectation(
                        name=found["name"].strip("`"),
                        condition=found["condition"],
                        action=VIOLATIONS[" ".join((found["action"] or "").upper().split())],
                    )
                )
            elif re.match(r"CONSTRAINT\b|PRIMARY\b|FOREIGN\b", item, re.I):
                continue  # informational
            elif re.search(r"\bGENERATED\s+ALWAYS\b|\bMASK\b", item, re.I):
                raise self._fault("generated columns and masks are not in the embedded workspace")
            else:
                columns.append(item)
        if columns and all(len(one.split()) == 1 for one in columns):
            return "", expectations  # names alone: the query's own
        return ", ".join(columns), expectations

    def _flow(self) -> None:
        name = self._name()
        if self._take("COMMENT"):
            self._string()
        self._expect("AS")
        if self._take("AUTO", "CDC", "INTO") or self._take("APPLY", "CHANGES", "INTO"):
            target = self._name()
            self._add_cdc(self._cdc(), target, name)
            return
        self._expect("INSERT", "INTO")
        once = self._take("ONCE")
        target = self._name()
        self._take("BY", "NAME")
        self._add_query(self._graph.key(name), self._graph.key(target), self._rest(), once=once)

    def _cdc(self) -> Cdc:
        self._expect("FROM")
        self._take("STREAM")
        source = self._bracket() if self._word() == "(" else self._name()
        found: dict[str, Any] = {"source": source, "scd": 1}
        while self._at < len(self._tokens):
            if self._take("KEYS"):
                found["keys"] = [one.strip().strip("`") for one in self._bracket().split(",")]
            elif self._take("IGNORE", "NULL", "UPDATES"):
                found["ignores_nulls"] = True
            elif self._take("APPLY", "AS", "DELETE", "WHEN"):
                found["deletes"] = self._until(CDC_CLAUSES)
            elif self._take("APPLY", "AS", "TRUNCATE", "WHEN"):
                found["truncates"] = self._until(CDC_CLAUSES)
            elif self._take("SEQUENCE", "BY"):
                found["sequence_by"] = self._until(CDC_CLAUSES)
            elif self._take("COLUMNS", "*", "EXCEPT"):
                found["except_columns"] = [o.strip().strip("`") for o in self._bracket().split(",")]
            elif self._take("COLUMNS"):
                given = self._bracket() if self._word() == "(" else self._until(CDC_CLAUSES)
                found["columns"] = [one.strip().strip("`") for one in given.split(",")]
            elif self._take("STORED", "AS", "SCD", "TYPE"):
                found["scd"] = scd_type(self._next().text)
            else:
                raise self._fault(f"{self._tokens[self._at].text} is not understood here")
        if "keys" not in found or "sequence_by" not in found:
            raise self._fault("KEYS (…) and SEQUENCE BY … are needed")
        return Cdc(**found)

    def _add_query(self, name: str, target: str, text: str, *, once: bool = False) -> None:
        run = self._query
        self._graph.add_flow(
            Flow(
                name=name,
                target=target,
                query=lambda: run(text),
                once=once,
                defaults=self._graph.now,
            )
        )

    def _add_cdc(self, cdc: Cdc, target: str, name: str) -> None:
        key = self._graph.key(target)
        self._graph.add_flow(
            Flow(name=self._graph.key(name), target=key, cdc=cdc, defaults=self._graph.now)
        )

    def _use(self) -> None:
        now = self._graph.now
        if self._take("CATALOG"):
            self._graph.now = Defaults(catalog=self._name().strip("`"), schema=now.schema)
            return
        self._take("SCHEMA") or self._take("DATABASE")
        parts = self._name().replace("`", "").split(".")
        catalog = parts[0] if len(parts) == 2 else now.catalog
        self._graph.now = Defaults(catalog=catalog, schema=parts[-1])

    # Reading on

    def _word(self, ahead: int = 0) -> str:
        if self._at + ahead >= len(self._tokens):
            return ""
        token = self._tokens[self._at + ahead]
        return "" if token.quote else token.text.upper()

    def _take(self, *words: str) -> bool:
        """Whether these words come next; they are behind us then."""
        found = all(self._word(number) == word for number, word in enumerate(words))
        if found:
            self._at += len(words)
        return found

    def _expect(self, *words: str) -> None:
        if not self._take(*words):
            raise self._fault(f"{' '.join(words)} is expected")

    def _next(self) -> Word:
        if self._at >= len(self._tokens):
            raise self._fault("the statement ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _string(self) -> str:
        """A literal; those that follow each other are one."""
        text = self._next().text
        while self._at < len(self._tokens) and self._tokens[self._at].quote == "'":
            text += self._next().text
        return text

    def _name(self) -> str:
        name = f"`{self._next().text}`"
        while self._word() == ".":
            self._at += 1
            name += f".`{self._next().text}`"
        return "live." + name[len("`LIVE`.") :] if name.upper().startswith("`LIVE`.") else name

    def _bracket(self) -> str:
        """The text between the bracket that comes next and the one that closes it."""
        if self._word() != "(":
            raise self._fault("( is expected")
        first, depth = self._at, 0
        for number in range(self._at, len(self._tokens)):
            self._at = number
            depth += (self._word() == "(") - (self._word() == ")")
            if depth == 0:
                self._at = number + 1
                return self._text[self._tokens[first].end + 1 : self._tokens[number].start]
        raise self._fault("a bracket is not closed")

    def _until(self, stops: frozenset[str]) -> str:
        first = self._at
        while self._at < len(self._tokens) and (self._at == first or self._word() not in stops):
            self._at += 1
        return self._text[self._tokens[first].start : self._tokens[self._at - 1].end + 1]

    def _rest(self) -> str:
        if self._at >= len(self._tokens):
            raise self._fault("the statement ends too early")
        start = self._tokens[self._at].start
        self._at = len(self._tokens)
        return self._text[start:]

    def _properties(self) -> Mapping[str, str]:
        found = {}
        for item in _split(self._bracket()):
            name, _, value = item.partition("=")
            found[name.strip().strip("'\"`")] = value.strip().strip("'\"")
        return found

    def _fault(self, what: str) -> PipelineFault:
        head = " ".join(self._text.split())[:120]
        return PipelineFault(f"{self._where}: {what}: {head}")


EXPECT: Final = re.compile(
    r"CONSTRAINT\s+(?P<name>`[^`]+`|\S+)\s+EXPECT\s*\((?P<condition>.*)\)"
    r"(?:\s*ON\s+VIOLATION\s+(?P<action>DROP\s+ROW|FAIL\s+UPDATE))?\s*",
    re.S | re.I,
)
VIOLATIONS: Final[Mapping[str, Action]] = {"": "ALLOW", "DROP ROW": "DROP", "FAIL UPDATE": "FAIL"}
CDC_CLAUSES: Final = frozenset({"KEYS", "IGNORE", "APPLY", "SEQUENCE", "COLUMNS", "STORED"})


def _split(text: str) -> list[str]:
    """A list at its outermost commas; strings, names and brackets are kept whole."""
    items, current, depth = [], "", 0
    for token in sql_cells.TOKEN.findall(text):
        depth += (token == "(") - (token == ")") + (token == "<") - (token == ">")
        if token == "," and depth <= 0:
            items.append(current)
            current = ""
        elif not token.startswith(("--", "/*")):
            current += token
    return [one.strip() for one in (*items, current) if one.strip()]
