"""CREATE, DROP, DESCRIBE and SHOW of functions.

A SQL function is analysed with nulls for arguments when it is made, and a Python one compiled: what
cannot work is refused then and not at its first call.
"""

from __future__ import annotations

import ast
import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from brickyard.workspace.catalog.delta import type_name, type_text
from brickyard.workspace.catalog.routines import TABLE, Parameter, Routine, properties_of
from brickyard.workspace.kernel import ApiError
from brickyard.workspace.spark import datatypes
from brickyard.workspace.spark.accesses import Touched
from brickyard.workspace.spark.answers import NOTHING, Answer
from brickyard.workspace.spark.commands.namespaces import like, quietly
from brickyard.workspace.spark.cursor import Cursor
from brickyard.workspace.spark.functions.definitions import Column, Definition, defined
from brickyard.workspace.spark.functions.inlining import inlined, substituted
from brickyard.workspace.spark.protocol import Relation
from brickyard.workspace.spark.refusals import Refusal, unsupported
from brickyard.workspace.spark.turn import Turn


def create_function(turn: Turn, sql: str) -> Answer:
    wanted = defined(sql)
    name = turn.session.qualified(wanted.parts)
    if wanted.replace and wanted.quiet:
        raise Refusal(
            "INVALID_SQL_SYNTAX.CREATE_ROUTINE_WITH_IF_NOT_EXISTS_AND_REPLACE",
            "CREATE FUNCTION takes either OR REPLACE or IF NOT EXISTS.",
            sql_state="42000",
        )
    described = _described(turn, name, wanted)
    with quietly(wanted.quiet, "FUNCTION_ALREADY_EXISTS"):
        turn.lake.catalog.functions.create(
            turn.principal,
            turn.workspace,
            name,
            described,
            comment=wanted.comment,
            replace=wanted.replace,
        )
    return NOTHING


def _described(turn: Turn, name: str, wanted: Definition) -> dict[str, Any]:
    """The function as the functions API describes it."""
    parameters = _typed(turn, wanted.parameters)
    if len({one["name"].lower() for one in parameters}) < len(parameters):
        raise Refusal(
            "DUPLICATE_ROUTINE_PARAMETER_NAMES",
            f"The function {name} has two parameters of the same name.",
            sql_state="42734",
        )
    is_table = wanted.columns is not None
    returns = _typed(turn, wanted.columns) if wanted.columns else []
    kind = None if is_table else (_kind(turn, wanted.returns) if wanted.returns else None)
    if wanted.language == "PYTHON":
        _compiled(name, wanted)
    else:
        found = _analysed(turn, name, wanted, parameters, returns, kind)
        if is_table and not returns:
            returns = _listed(found)
        elif not is_table and kind is None:
            kind = found[0]["type"]
    shown = ", ".join(f"{one['name']} {one['type_text'].upper()}" for one in returns)
    return {
        "data_type": TABLE if is_table else type_name(kind),
        "full_data_type": f"({shown})" if is_table else type_text(kind).upper(),
        "input_params": {"parameters": parameters} if parameters else {},
        "return_params": {"parameters": returns} if is_table else None,
        "routine_body": "EXTERNAL" if wanted.language == "PYTHON" else "SQL",
        "external_language": "PYTHON" if wanted.language == "PYTHON" else None,
        "routine_definition": wanted.body,
        "parameter_style": "S",
        "is_deterministic": wanted.is_deterministic is not False,
        "sql_data_access": wanted.data_access
        or ("NO_SQL" if wanted.language == "PYTHON" else "CONTAINS_SQL"),
        "is_null_call": False,
        "security_type": "DEFINER",
        "specific_name": name.rpartition(".")[2],
        "properties": properties_of(wanted.handler, wanted.dependencies),
    }


def _typed(turn: Turn, columns: Sequence[Column]) -> list[dict[str, Any]]:
    """Parameters with the types as the engine reads them."""
    if not columns:
        return []
    text = ", ".join(f"c{at} {one.type_text}" for at, one in enumerate(columns))
    listed = _listed(datatypes.columns(turn.parsed(text)))
    for one, column in zip(listed, columns, strict=True):
        field = json.loads(one["type_json"])
        one["name"] = field["name"] = column.name
        one["type_json"] = json.dumps(field)
        if column.default is not None:
            one["parameter_default"] = column.default
        if column.comment is not None:
            one["comment"] = column.comment
    return listed


def _listed(columns: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "name": one["name"],
            "type_text": type_text(one["type"]),
            "type_name": type_name(one["type"]),
            "type_json": json.dumps(
                {"name": one["name"], "type": one["type"], "nullable": True, "metadata": {}}
            ),
            "position": at,
            "parameter_mode": "IN",
            "parameter_type": "PARAM",
        }
        for at, one in enumerate(columns)
    ]


def _kind(turn: Turn, text: str) -> Any:
    return datatypes.columns(turn.parsed(f"returned {text}"))[0]["type"]


def _analysed(
    turn: Turn,
    name: str,
    wanted: Definition,
    parameters: Sequence[Mapping[str, Any]],
    returns: Sequence[Mapping[str, Any]],
    kind: Any,
) -> list[dict[str, Any]]:
    """The columns that the body gives, as the engine analyses it."""
    from brickyard.workspace.spark.statements import parsed

    tried = Routine(
        id="",
        full_name=name,
        owner="",
        language="SQL",
        body=wanted.body,
        parameters=_parameters(parameters),
        returns=type_text(kind) if kind is not None else "",
        columns=_parameters(returns),
    )
    touched = Touched()
    functions = turn.reader.functions(touched)
    body = functions.inside(tried).expand(wanted.body)
    nulls = ["NULL"] * len(parameters)
    how = inlined if kind is not None or returns else substituted
    text = how(tried, body, nulls, turn.lake.columns, parsed)
    if wanted.columns is None:
        sql = f"SELECT ({text}) AS returned"
    else:
        sql = f"SELECT * FROM {text if returns else f'({text})'}"
    statement = turn.reader.understand(sql)
    touched.add(statement.touched)
    turn.allow(touched)
    relation = Relation()
    relation.sql.query = statement.sql
    return datatypes.columns(turn.schema_of(relation))


def _parameters(listed: Sequence[Mapping[str, Any]]) -> tuple[Parameter, ...]:
    return tuple(Parameter(name=one["name"], type_text=one["type_text"]) for one in listed)


def _compiled(name: str, wanted: Definition) -> None:
    try:
        tree = ast.parse(textwrap.dedent(wanted.body).strip("\n"))
    except (SyntaxError, ValueError) as fault:
        line = getattr(fault, "lineno", None)
        where = f" in line {line} of its body" if line else ""
        raise Refusal(
            "PYTHON_UDF_SYNTAX_ERROR",
            f"The Python function {name} cannot be compiled: {getattr(fault, 'msg', fault)}"
            f"{where}.",
            sql_state="42601",
        ) from None
    defines = {one.name for one in tree.body if isinstance(one, ast.FunctionDef | ast.ClassDef)}
    if wanted.columns is not None and not wanted.handler:
        raise Refusal(
            "PYTHON_UDTF_HANDLER_MISSING",
            f"The Python table function {name} needs HANDLER with the name of its class.",
            sql_state="42601",
        )
    if wanted.handler and wanted.handler not in defines:
        raise Refusal(
            "PYTHON_UDF_HANDLER_NOT_FOUND",
            f"The body of {name} does not define its handler '{wanted.handler}'.",
            sql_state="42601",
        )


def drop_function(turn: Turn, cursor: Cursor) -> Answer:
    quiet = cursor.take("IF", "EXISTS")
    name = turn.session.qualified(cursor.name())
    cursor.end()
    with quietly(quiet, "FUNCTION_DOES_NOT_EXIST"), quietly(quiet, "SCHEMA_DOES_NOT_EXIST"):
        turn.lake.catalog.functions.drop(turn.principal, turn.workspace, name)
    return NOTHING


def describe_function(turn: Turn, cursor: Cursor) -> Answer | None:
    """A function of the catalog; a built-in one is the engine's to describe."""
    extended = cursor.take("EXTENDED")
    parts = cursor.name()
    cursor.end()
    name = turn.session.qualified(parts)
    found = turn.lake.routine(name)
    if found is None and len(parts) == 1:
        raise unsupported(f"DESCRIBE FUNCTION {parts[0]}", "It describes functions of schemas.")
    kept = turn.lake.catalog.functions.get(turn.principal, turn.workspace, name)
    if found is None:
        raise ApiError("FUNCTION_DOES_NOT_EXIST", f"Function '{name}' does not exist.")
    lines = [f"Function:    {name}", f"Type:        {'TABLE' if found.is_table else 'SCALAR'}"]
    lines += _lines("Input:", [_shown(one) for one in found.parameters] or ["()"])
    lines += _lines(
        "Returns:", [_shown(one) for one in found.columns] or [kept.details["full_data_type"]]
    )
    if extended:
        details = kept.details
        lines += [f"Comment:     {found.comment}"] if found.comment else []
        lines += [f"Deterministic: {str(found.is_deterministic).lower()}"]
        lines += (
            [f"Data Access: {details['sql_data_access']}"] if details.get("sql_data_access") else []
        )
        lines += [f"Language:    {found.language}", f"Owner:       {found.owner}"]
        lines += _lines("Body:", found.body.strip("\n").splitlines())
    return Answer(columns={"function_desc": "string"}, rows=[(line,) for line in lines])


def _lines(title: str, texts: Sequence[str]) -> list[str]:
    return [f"{title if at == 0 else '':<13}{text}" for at, text in enumerate(texts)]


def _shown(one: Parameter) -> str:
    default = f" DEFAULT {one.default}" if one.default is not None else ""
    comment = f" '{one.comment}'" if one.comment else ""
    return f"{one.name} {one.type_text.upper()}{default}{comment}"


def show_functions(turn: Turn, cursor: Cursor) -> Answer:
    """Those of a schema. The engine's own are in its documentation."""
    schema = f"{turn.session.catalog}.{turn.session.schema}"
    if cursor.take_any("IN", "FROM"):
        schema = turn.session.qualified_schema(cursor.name())
    cursor.take("LIKE")
    pattern = cursor.maybe_string() or ""
    cursor.end()
    found = turn.lake.catalog.functions.visible(turn.principal, turn.workspace, schema)
    rows = [(one.full_name,) for one in found if like(one.name, pattern)]
    return Answer(columns={"function": "string"}, rows=rows)


COMMANDS: Final[Mapping[str, Callable[[Turn, Cursor], Answer | None]]] = {
    "DROP FUNCTION": drop_function,
    "DESCRIBE FUNCTION": describe_function,
    "DESC FUNCTION": describe_function,
    "SHOW FUNCTIONS": show_functions,
    "SHOW USER FUNCTIONS": show_functions,
    "SHOW ALL FUNCTIONS": show_functions,
}
