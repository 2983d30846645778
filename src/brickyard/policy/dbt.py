"""A dbt project's models as SQL: what they select, and the table that each of them makes.

Followed: dbt's own rules for names. `source('crm', 'customers')` is what the project's YAML files
declare; `ref('orders')` is a model of the project; a model is made in `database` (or `catalog`) and
`schema` of its `config(…)` or of `dbt_project.yml`, otherwise in those of the task. Jinja is not
run: `var(…)` has the project's value, statements (`{% … %}`) are blank, any other expression is a
hole, so a name that is put together by macros is unknown.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from brickyard.policy.accesses import Access, Mode, Securable
from brickyard.policy.config_files import decoded
from brickyard.policy.sources import Sources
from brickyard.policy.sql import accesses as sql_accesses
from brickyard.policy.sql_session import HOLE, LOCAL, Session

PROJECT: Final = ("dbt_project.yml", "dbt_project.yaml")
EXPRESSION: Final = re.compile(r"\{\{-?(.*?)-?\}\}", re.DOTALL)
SILENT: Final = re.compile(r"\{%.*?%\}|\{#.*?#\}", re.DOTALL)
CALL: Final = re.compile(r"\s*(\w+)\s*\((.*)\)\s*", re.DOTALL)
TEXT: Final = re.compile(r"(?:(\w+)\s*=\s*)?(['\"])(.*?)\2", re.DOTALL)
NO_WORD: Final = re.compile(r"\W")
MAKES_NOTHING: Final = frozenset({"ephemeral"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Project:
    """What the models of a project share. `catalog` and `schema` are the task's; empty: unknown."""

    folder: str
    catalog: str
    schema: str
    sources: Mapping[tuple[str, str], str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, Any] = field(default_factory=dict)  # of dbt_project.yml
    name: str = ""


def is_project(sources: Sources, folder: str) -> bool:
    return any(posixpath.normpath(posixpath.join(folder, one)) in sources.files for one in PROJECT)


def model_accesses(
    sources: Sources, folder: str, catalog: str, schema: str
) -> Iterator[tuple[str, tuple[Access, ...]]]:
    """Each model's file with what it reads and makes."""
    project = _read(sources, folder, catalog, schema)
    for path in sources.under(folder):
        inside = posixpath.relpath(path, posixpath.normpath(folder))
        if path.endswith(".sql") and not inside.startswith(("macros/", "target/", "dbt_packages/")):
            yield path, tuple(_of_model(path, inside, sources.text(path), project))


def _read(sources: Sources, folder: str, catalog: str, schema: str) -> _Project:
    found: dict[tuple[str, str], str] = {}
    project = _Project(folder=folder, catalog=catalog, schema=schema, sources=found)
    for path in sources.under(folder):
        if not path.endswith((".yml", ".yaml")):
            continue
        data = decoded("yaml", sources.text(path))
        if not isinstance(data, dict):
            continue
        if posixpath.basename(path) in PROJECT:
            variables, models = data.get("vars"), data.get("models")
            project = replace(
                project,
                name=str(data.get("name", "")),
                variables=variables if isinstance(variables, dict) else {},
                models=models if isinstance(models, dict) else {},
            )
        for one in _maps(data.get("sources")):
            for table in _maps(one.get("tables")):
                parts = (
                    one.get("database") or one.get("catalog") or catalog or HOLE,
                    one.get("schema") or one.get("name"),
                    table.get("identifier") or table.get("name"),
                )
                name = ".".join(str(part) for part in parts)
                found[str(one.get("name")), str(table.get("name"))] = name
    named = {key: _filled(name, project) for key, name in found.items()}
    return replace(project, sources=named)


def _maps(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _filled(text: str, project: _Project) -> str:
    return EXPRESSION.sub(lambda found: _value(found[1], project), text)


def _of_model(path: str, inside: str, text: str, project: _Project) -> Iterator[Access]:
    settings = _inherited(inside, project)
    line = 1
    for found in EXPRESSION.finditer(text):
        call = CALL.fullmatch(found[1])
        if call and call[1] == "config":
            settings |= {m[1]: _filled(m[3], project) for m in TEXT.finditer(call[2]) if m[1]}
            line = text.count("\n", 0, found.start()) + 1
    query = SILENT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    query = EXPRESSION.sub(lambda found: _kept(found[0], _value(found[1], project)), query)
    session = Session(catalog=project.catalog, schema=project.schema)
    yield from sql_accesses(query, file=path, session=session)
    if settings.get("materialized") not in MAKES_NOTHING and query.strip():
        yield _made(path, line, settings, project)


def _inherited(inside: str, project: _Project) -> dict[str, str]:
    """`+settings` of dbt_project.yml for the folders that a model lies in."""
    found: dict[str, str] = {}
    here: Any = project.models
    folders = [project.name, *inside.split("/")[1:-1]]
    for folder in ["", *folders]:
        here = here.get(folder) if folder and isinstance(here, dict) else here
        if not isinstance(here, dict):
            break
        values = {str(k).removeprefix("+"): v for k, v in here.items() if not isinstance(v, dict)}
        found |= {k: _filled(str(v), project) for k, v in values.items()}
    return found


def _made(path: str, line: int, settings: Mapping[str, str], project: _Project) -> Access:
    """The table, by dbt's rule that a schema of one's own stands behind the task's."""
    database = settings.get("target_database") or settings.get("database")
    catalog = database or settings.get("catalog") or project.catalog or HOLE
    own = settings.get("schema")
    schema = settings.get("target_schema") or (
        f"{project.schema or HOLE}_{own}" if own else project.schema or HOLE
    )
    alias = settings.get("alias") or posixpath.basename(path).removesuffix(".sql")
    name = f"{catalog}.{schema}.{alias}"
    reason = "" if HOLE not in catalog else "dbt models go where a profile says"
    return Access(
        securable=Securable.TABLE,
        full_name=name.replace(HOLE, "?"),
        mode=Mode.WRITE,
        file=path,
        line=line,
        column=1,
        reason=reason,
    )


def _value(expression: str, project: _Project) -> str:
    """What an expression stands for; empty for one that only settles something."""
    call = CALL.fullmatch(expression)
    if call is None:
        name = expression.strip()
        known = {"target.catalog": project.catalog, "target.database": project.catalog}
        known |= {"target.schema": project.schema}
        return f"{LOCAL}this" if name == "this" else known.get(name) or HOLE
    texts = [found[3] for found in TEXT.finditer(call[2]) if not found[1]]
    match call[1]:
        case "config" | "set_sql_header":
            return ""
        case "ref" if texts:
            return LOCAL + NO_WORD.sub("_", texts[-1])
        case "source" if len(texts) == 2:
            return project.sources.get((texts[0], texts[1]), f"{HOLE}.{texts[0]}.{texts[1]}")
        case "var" if texts:
            value = project.variables.get(texts[0], texts[1] if len(texts) > 1 else HOLE)
            return str(value) if isinstance(value, str | int | float) else HOLE
        case "env_var" if len(texts) > 1:
            return HOLE  # its default counts where nobody sets it, which isn't known here
        case _:
            return HOLE


def _kept(written: str, value: str) -> str:
    """The value with as many lines as what it stands for."""
    return value + "\n" * written.count("\n")
