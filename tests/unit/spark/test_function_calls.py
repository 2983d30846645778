"""Finding calls in a text, reading CREATE FUNCTION, and putting bodies in the place of calls."""

from __future__ import annotations

import pickle
import sys
import types
from typing import Any

import pytest

from brickyard.workspace.catalog.routines import Parameter, Routine
from brickyard.workspace.kernel import Principal, WorkspaceInfo
from brickyard.workspace.spark.accesses import Access, Touched
from brickyard.workspace.spark.functions.calls import calls, named
from brickyard.workspace.spark.functions.definitions import creates, defined
from brickyard.workspace.spark.functions.expansion import Expansion, Surroundings
from brickyard.workspace.spark.functions.remote import pickled
from brickyard.workspace.spark.refusals import Refusal
from brickyard.workspace.spark.sessions import Caller
from brickyard.workspace.spark.statements import parsed


def routine(name: str, body: str, *parameters: Parameter, **more: Any) -> Routine:
    more = {"language": "SQL", "returns": "INT"} | more
    return Routine(id="1", full_name=name, owner="o", body=body, parameters=parameters, **more)


INT = {"type_text": "INT"}
KNOWN = {
    one.full_name: one
    for one in (
        routine("dev.s.twice", "x * 2", Parameter(name="x", **INT)),
        routine(
            "dev.s.sum",
            "twice(a) + b",
            Parameter(name="a", **INT),
            Parameter(name="b", default="1", **INT),
        ),
        routine(
            "dev.s.most",
            "SELECT max(id) FROM t WHERE id < lim AND kind = t.id",
            Parameter(name="lim", **INT),
            Parameter(name="kind", **INT),
        ),
        routine(
            "dev.s.below",
            "SELECT id FROM t WHERE id < lim",
            Parameter(name="lim", **INT),
            returns="",
            columns=(Parameter(name="id", **INT),),
        ),
        routine("dev.s.loops", "loops()"),
        routine("dev.s.py", "return a", Parameter(name="a", **INT), language="PYTHON"),
    )
}
COLUMNS = {"dev.s.t": ("id", "kind")}


def expanded(sql: str, **arguments: str) -> tuple[str, Touched]:
    touched = Touched()
    me = Principal(id=1, user_name="me", display_name="me")
    here = WorkspaceInfo(name="dev", id=1, catalog="dev", url="")
    around = Surroundings(
        routine=KNOWN.get,
        columns=lambda name: COLUMNS.get(name, ()),
        parse=parsed,
        own=frozenset({"mine"}),
        hosted=None,
        caller=Caller(principal=me, workspace=here, scope="", token=""),
    )
    made = Expansion(around, touched, catalog="dev", schema="s").expand(sql, arguments)
    return made, touched


def test_calls_are_found_with_their_arguments_and_nothing_else_is() -> None:
    sql = "INSERT INTO a.t (x) SELECT f(1, y => '(,)'), a.`b`.g(h(2)) FROM t WHERE x IN (1, 2)"
    found = list(calls(sql))
    assert [one.parts for one in found] == [("f",), ("a", "b", "g"), ("h",)]
    assert [(one.name, one.text) for one in found[0].arguments] == [("", "1"), ("y", "'(,)'")]
    assert sql[found[1].start : found[1].end] == "a.`b`.g(h(2))"


def test_identifier_stands_for_the_name_of_a_function() -> None:
    assert named("SELECT IDENTIFIER(:f)(1)", {"f": "a.b.g"}) == "SELECT `a`.`b`.`g`(1)"
    assert named("SELECT * FROM IDENTIFIER(:t)", {"t": "x"}) == "SELECT * FROM IDENTIFIER(:t)"


def test_a_body_takes_the_place_of_its_call() -> None:
    text, touched = expanded("SELECT sum2(1), s.sum(x) AS y, dev.s.sum(b => 3, a => x) FROM q")
    twice = "CAST((CAST(CAST(x AS INT) AS INT) * 2) AS INT)"
    assert text == (
        f"SELECT sum2(1), CAST(({twice} + CAST(1 AS INT)) AS INT) AS y, "
        f"CAST(({twice} + CAST(3 AS INT)) AS INT) FROM q"
    )
    assert touched.accesses == {
        Access(kind="function", full_name=name, privilege="EXECUTE", mode="read")
        for name in ("dev.s.sum", "dev.s.twice")
    }


def test_a_column_of_what_a_body_reads_wins_over_a_parameter() -> None:
    text, _ = expanded("SELECT most(5, 6)")
    assert "FROM `dev`.`s`.`t` AS `t` WHERE id < CAST(5 AS INT) AND kind = t.id" in text


def test_an_argument_that_the_body_would_capture_is_refused() -> None:
    with pytest.raises(Refusal, match="Qualify it"):
        expanded("SELECT most(id, 1) FROM u")
    assert "CAST(u.id AS INT)" in expanded("SELECT most(u.id, 1) FROM u")[0]


def test_a_table_function_becomes_a_query_with_its_name() -> None:
    query = (
        "(SELECT CAST(`id` AS INT) AS `id` FROM (SELECT id FROM `dev`.`s`.`t` AS `t` "
        "WHERE id < CAST(3 AS INT)) AS `rows`(`id`))"
    )
    assert expanded("SELECT * FROM below(3)")[0] == f"SELECT * FROM {query} AS `below`"
    assert expanded("SELECT * FROM below(3) AS b")[0] == f"SELECT * FROM {query} AS b"


def test_a_python_function_is_called_by_a_name_of_its_own() -> None:
    text, touched = expanded("SELECT py(twice(1)) FROM py")
    (name,) = touched.remotes
    assert text == f"SELECT {name}(CAST(CAST((CAST(1 AS INT) * 2) AS INT) AS INT)) FROM py"


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT twice()", "the parameter `x` is required"),
        ("SELECT twice(1, 2)", "takes 1 arguments, but 2"),
        ("SELECT twice(y => 1)", "has no parameter `y`"),
        ("SELECT twice(1, x => 1)", "given twice"),
        ("SELECT loops()", "calls itself"),
        ("SELECT s.nothing(1)", "Cannot resolve routine s.nothing"),
        ("SELECT * FROM twice(1)", "cannot stand after FROM"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(sql: str, message: str) -> None:
    with pytest.raises(Refusal, match=message):
        expanded(sql)


def test_a_schema_as_a_parameter_becomes_a_literal() -> None:
    text, _ = expanded("SELECT twice(size(from_json(:x, :kind)))", kind="ARRAY<STRING>")
    assert "from_json(:x, 'ARRAY<STRING>')" in text


def test_built_in_functions_and_those_of_the_session_come_first() -> None:
    KNOWN["dev.s.upper"] = routine("dev.s.upper", "1")
    KNOWN["dev.s.mine"] = routine("dev.s.mine", "1")
    assert expanded("SELECT upper('x'), mine(1)")[0] == "SELECT upper('x'), mine(1)"
    assert expanded("SELECT s.upper()")[0] == "SELECT CAST((1) AS INT)"


PYTHON = """
-- a comment; with 'quotes
CREATE OR REPLACE FUNCTION a.b.f(x INT NOT NULL COMMENT 'the x', m MAP<STRING, ARRAY<INT>>,
  y DECIMAL(10, 2) DEFAULT round(1.5, 1)) RETURNS STRUCT<a: INT, b: STRING>
LANGUAGE PYTHON NOT DETERMINISTIC COMMENT 'says' HANDLER 'go'
ENVIRONMENT (dependencies = '["a==1"]', environment_version = 'None')
AS $$
def go(x, m, y):
  return "it's; $fine"  # ' and "
$$;
"""


def test_a_python_function_is_read_without_reading_its_body() -> None:
    assert creates(PYTHON)
    found = defined(PYTHON)
    assert (found.parts, found.replace, found.language) == (("a", "b", "f"), True, "PYTHON")
    assert [(one.name, one.type_text, one.default, one.comment) for one in found.parameters] == [
        ("x", "INT", None, "the x"),
        ("m", "MAP<STRING, ARRAY<INT>>", None, None),
        ("y", "DECIMAL(10, 2)", "round(1.5, 1)", None),
    ]
    assert found.returns == "STRUCT<a: INT, b: STRING>"
    assert (found.handler, found.dependencies) == ("go", ("a==1",))
    assert (found.is_deterministic, found.comment) == (False, "says")
    assert found.body == '\ndef go(x, m, y):\n  return "it\'s; $fine"  # \' and "\n'


def test_a_table_function_in_sql_is_read() -> None:
    found = defined(
        "CREATE FUNCTION IF NOT EXISTS f() RETURNS TABLE (a INT COMMENT 'one', b ARRAY<STRING>) "
        "READS SQL DATA RETURN SELECT 1, array('x') FROM t;"
    )
    assert found.quiet
    assert found.columns is not None
    assert [(one.name, one.type_text) for one in found.columns] == [
        ("a", "INT"),
        ("b", "ARRAY<STRING>"),
    ]
    assert found.body == "SELECT 1, array('x') FROM t"


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE FUNCTION f() RETURNS INT",
        "CREATE FUNCTION f() RETURNS INT LANGUAGE PYTHON RETURN 1",
        "CREATE FUNCTION f() RETURNS INT AS $$ return 1 $$",
        "CREATE FUNCTION f() LANGUAGE PYTHON AS $$ return 1 $$",
        "CREATE FUNCTION f() RETURNS INT LANGUAGE SCALA AS $$ 1 $$",
        "CREATE FUNCTION f() RETURNS INT LANGUAGE PYTHON AS $$ return 1",
        "CREATE FUNCTION f() RETURNS INT LANGUAGE PYTHON AS $$ return 1 $$ RETURN 2",
        "CREATE FUNCTION f(x) RETURNS INT RETURN 1",
        "CREATE TEMPORARY FUNCTION f() RETURNS INT RETURN 1",
    ],
)
def test_a_definition_that_makes_no_function_is_refused(sql: str) -> None:
    assert creates(sql)
    with pytest.raises(Refusal):
        defined(sql)


def test_what_the_engine_unpickles_is_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("brickyard_remote")
    module.remote = str  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "brickyard_remote", module)
    request = {"function": 'a"\\u0041 ä\n.f', "returns": "long"}
    import json

    function, kind = pickle.loads(pickled(request, "long"))
    assert json.loads(function) == request
    assert type(kind).__name__ == "LongType"
