"""Statements that are read by their first words: those that the parser keeps as text, or refuses.

One row per kind: a pattern over the blanked statement, the kind of securable, the mode. A row that
names no kind takes it from the word that the pattern calls `kind`. The first row that fits decides;
statements that no row knows go to the parser.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from brickyard.policy.accesses import Mode, Securable

READ, WRITE = Mode.READ, Mode.WRITE
NAME: Final = r"(?:`[^`]+`|\w+)(?:\s*\.\s*(?:`[^`]+`|\w+))*"
PATH: Final = r"'(?P<path>[^']+)'"
EXISTS: Final = r"(?:IF\s+(?:NOT\s+)?EXISTS\s+)?"
KIND: Final = (
    r"(?P<kind>MATERIALIZED\s+VIEW|STREAMING\s+TABLE|TABLE|VIEW|SCHEMA|DATABASE|CATALOG|VOLUME"
    r"|FUNCTION|PROCEDURE|MODEL|CONNECTION|EXTERNAL\s+LOCATION|CREDENTIAL|STORAGE\s+CREDENTIAL"
    r"|SHARE|RECIPIENT|PROVIDER|METASTORE)"
)
KINDS: Final[dict[str, Securable]] = {
    "TABLE": Securable.TABLE,
    "VIEW": Securable.TABLE,
    "MATERIALIZED VIEW": Securable.TABLE,
    "STREAMING TABLE": Securable.TABLE,
    "SCHEMA": Securable.SCHEMA,
    "DATABASE": Securable.SCHEMA,
    "CATALOG": Securable.CATALOG,
    "VOLUME": Securable.VOLUME,
    "FUNCTION": Securable.FUNCTION,
    "PROCEDURE": Securable.FUNCTION,
    "MODEL": Securable.MODEL,
}
# Kinds that belong to no catalog: what they are is not judged by one.
OUTSIDE: Final = frozenset(
    {
        "CONNECTION",
        "EXTERNAL LOCATION",
        "CREDENTIAL",
        "STORAGE CREDENTIAL",
        "SHARE",
        "RECIPIENT",
        "PROVIDER",
        "METASTORE",
    }
)


@dataclass(frozen=True, slots=True)
class Head:
    """`pattern` has groups: `name` (what is touched), `other` (read besides), `path`, `kind`."""

    pattern: re.Pattern[str]
    kind: Securable | None
    mode: Mode
    parses_rest: bool = False  # what follows is a statement of its own
    doubt: str = ""  # why reading it may be writing


def _head(pattern: str, kind: Securable | None, mode: Mode, *, parses_rest: bool = False) -> Head:
    text = pattern.replace(" ", r"\s+").replace("<name>", f"(?P<name>{NAME})")
    text = text.replace("<other>", f"(?P<other>{NAME})").replace("<path>", PATH)
    text = text.replace("<exists>", EXISTS).replace("<kind>", KIND)
    return Head(re.compile(text, re.IGNORECASE | re.DOTALL), kind, mode, parses_rest)


TABLE, VOLUME, CATALOG = Securable.TABLE, Securable.VOLUME, Securable.CATALOG
HEADS: Final[tuple[Head, ...]] = (
    _head("OPTIMIZE <name>", TABLE, WRITE),
    _head("VACUUM <name>", TABLE, WRITE),
    _head("ANALYZE TABLE <name>", TABLE, WRITE),
    _head("ANALYZE TABLES (?:IN|FROM) <name>", Securable.SCHEMA, WRITE),
    _head("RESTORE (?:TABLE )?<name>", TABLE, WRITE),
    _head("(?:MSCK|FSCK) REPAIR TABLE <name>", TABLE, WRITE),
    _head("REORG TABLE <name>", TABLE, WRITE),
    _head("CONVERT TO DELTA <name>", TABLE, WRITE),
    _head("GENERATE \\w+ FOR TABLE <name>", TABLE, WRITE),
    _head("REFRESH (?:MATERIALIZED VIEW|STREAMING TABLE) <name>", TABLE, WRITE),
    _head("REFRESH FOREIGN <kind> <name>", None, WRITE),
    _head("REFRESH (?:TABLE )?<name>", TABLE, READ),
    _head("UNDROP <kind> <name>", None, WRITE),
    _head("SYNC <kind> <name>(?: FROM <other>)?", None, WRITE),
    _head("COPY INTO <name>(?:\\s*\\([^)]*\\))? FROM <path>", TABLE, WRITE),
    _head("COPY INTO <name>.*?\\bFROM\\s*\\(.*?\\bFROM <path>", TABLE, WRITE),
    _head("COPY INTO <name>.*?\\bFROM\\s*\\(.*?\\bFROM <other>", TABLE, WRITE),
    _head("COPY INTO <name>", TABLE, WRITE),
    _head("CREATE (?:OR REPLACE )?(?:EXTERNAL )?VOLUME <exists><name>", VOLUME, WRITE),
    _head("CREATE (?:OR REPLACE )?(?:FOREIGN )?CATALOG <exists><name>", CATALOG, WRITE),
    _head("CREATE (?:SCHEMA|DATABASE) <exists><name>", Securable.SCHEMA, WRITE),
    replace(_head("CALL <name>\\s*\\(", Securable.FUNCTION, READ),
            doubt="a procedure may write what it names"),
    _head(
        "CREATE (?:OR REPLACE )?TABLE <exists><name>(?: (?:DEEP|SHALLOW))? CLONE <other>",
        TABLE,
        WRITE,
    ),
    _head("CREATE (?:OR REPLACE )?(?:\\w+ ){0,2}<kind> <exists><name>.*?(?=\\bAS\\b)",
          None, WRITE, parses_rest=True),
    _head("DROP <kind> <exists><name>", None, WRITE),
    _head("ALTER <kind> <name> RENAME TO <other>", None, WRITE),
    _head("ALTER <kind> <name>", None, WRITE),
    _head("(?:GRANT|REVOKE|DENY) .*? ON (?:<kind> )?<name> (?:TO|FROM)", None, WRITE),
    _head("COMMENT ON COLUMN <name>\\s*\\.\\s*(?:`[^`]+`|\\w+) IS", TABLE, WRITE),
    _head("COMMENT ON (?:<kind> )<name> IS", None, WRITE),
    _head("(?:SET|UNSET) TAGS? ON (?:<kind> )<name>", None, WRITE),
    _head("^TABLE <name>\\s*$", TABLE, READ),
    _head("SHOW CREATE TABLE <name>", TABLE, READ),
    _head("SHOW (?:COLUMNS|PARTITIONS|TBLPROPERTIES) (?:IN |FROM )?<name>", TABLE, READ),
    _head("SHOW (?:SCHEMAS|DATABASES) (?:IN|FROM) <name>", CATALOG, READ),
    _head("SHOW [\\w ]+? (?:IN|FROM) (?:SCHEMA |DATABASE )?<name>", Securable.SCHEMA, READ),
    _head("SHOW (?:GRANTS?|GRANT \\S+) ON <kind> <name>", None, READ),
    _head("DESC(?:RIBE)? (?:HISTORY |DETAIL |EXTENDED |FORMATTED |TABLE )*<kind> "
          "(?:EXTENDED )?<name>", None, READ),
    _head("DESC(?:RIBE)? (?:HISTORY |DETAIL |EXTENDED |FORMATTED |TABLE )*<name>", TABLE, READ),
    _head("(?:LIST|LS) <path>", VOLUME, READ),
    _head("GET <path> TO", VOLUME, READ),
    _head("(?:REMOVE|RM) <path>", VOLUME, WRITE),
    _head("PUT '[^']*' INTO <path>", VOLUME, WRITE),
    _head("INSERT OVERWRITE (?:LOCAL )?DIRECTORY <path>"
          ".*?(?=\\b(?:SELECT|VALUES|TABLE|WITH)\\b)",
          VOLUME, WRITE, parses_rest=True),
    _head("(?:APPLY CHANGES|AUTO CDC)(?: ONCE)? INTO <name> FROM (?:SNAPSHOT )?"
          "(?:STREAM\\s*\\(?\\s*)?<other>",
          TABLE, WRITE),
)  # fmt: skip
HARMLESS: Final = re.compile(
    r"(?:SHOW|EXPLAIN|SET|RESET|UNCACHE|CLEAR|DECLARE|USE|BEGIN|END|COMMIT|ROLLBACK|SIGNAL|LEAVE"
    r"|UNTIL|VALUES|DROP\s+TEMPORARY|ITERATE|RETURN|ADD\s+JAR|CREATE\s+CONNECTION|SYNC)\b",
    re.IGNORECASE,
)
# Words in front of a statement that change nothing of what it touches, and spellings of pipelines.
# What they ask for themselves is a `query` (of FOR) or a `condition`, which may hold queries.
CONDITION: Final = r"(?:SQLEXCEPTION|NOT\s+FOUND|SQLSTATE(?:\s+VALUE)?\s*'\w+'|\w+)"
PREFIX: Final = re.compile(
    r"(?:(?:\w+\s*:\s*)?(?:BEGIN(?!\s+TRANSACTION)(?:\s+ATOMIC)?|LOOP|REPEAT)\b(?!\s*\()|ELSE\b"
    r"|EXPLAIN\b(?:\s+(?:EXTENDED|COST|FORMATTED|CODEGEN))?"
    r"|(?:\w+\s*:\s*)?FOR\s+(?:\w+\s+AS\s+)?(?P<query>(?:SELECT|WITH|VALUES|TABLE)\b.*?)\bDO\b"
    r"|(?:\w+\s*:\s*)?(?:IF|ELSEIF|WHILE|CASE|WHEN)\b(?=.*\b(?:THEN|DO)\b)(?P<condition>.*?)"
    r"\b(?:THEN|DO)\b"
    rf"|DECLARE\s+(?:EXIT|CONTINUE|UNDO)\s+HANDLER\s+FOR\s+{CONDITION}(?:\s*,\s*{CONDITION})*(?=\s)"
    r"|CREATE\s+FLOW\s+\S+\s+AS\b(?=\s+(?:INSERT|AUTO))|CACHE(?=\s+(?:SELECT|WITH)\b))\s*",
    re.IGNORECASE | re.DOTALL,
)
SPELLINGS: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE), new)
    for pattern, new in (
        (r"\bWITH\s+SCHEMA\s+EVOLUTION\b", ""),
        (r"\bOR\s+REFRESH\b", "OR REPLACE"),
        (r"\bAS\s+TABLE\s+(?=[\w`])", "AS SELECT * FROM "),
        (r"\bINSERT\s+INTO\s+ONCE\b", "INSERT INTO"),
        (r"\bWITH\s+ROW\s+FILTER\s+[\w.`]+\s+ON\s*\([^)]*\)", ""),
        (r"\bvector_search\s*\(", "vector_search_("),
    )
)
