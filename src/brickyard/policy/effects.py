"""What following code has found: accesses, as calls into libraries make them.

Knows where the code that runs now stands (`file`) and what SQL statements before have settled
(`session`); turns a call that is in the table of `sinks` into accesses.
"""

from __future__ import annotations

import ast

from brickyard.policy.abstract_values import External, Known, text_of, texts_of
from brickyard.policy.accesses import Access, Mode, Securable
from brickyard.policy.sinks import TABLE_WRITES, Sink, matching
from brickyard.policy.sql import HOLE, Session, path_access
from brickyard.policy.sql import accesses as sql_accesses


class Effects:
    """Collects accesses over many entry points; `session` is that of the current one."""

    def __init__(self) -> None:
        self.found: list[Access] = []
        self.session = Session()
        self.file = ""

    def call(
        self, callee: External, arguments: list[Known], named: dict[str, Known], node: ast.Call
    ) -> str:
        """Record what a call does; the table that its result speaks of, if any."""
        subject = callee.subject
        for sink in matching(callee.chain):
            name = self._sink(sink, arguments, named, node)
            subject = name if sink.kind == "table" and sink.mode is Mode.READ else subject
        if callee.last in TABLE_WRITES and callee.subject and "forName" in callee.chain:
            self._touch(Securable.TABLE, callee.subject, Mode.WRITE, node.lineno)
        self._sdk_create(callee.chain, named, node)
        if callee.last in {"createOrReplaceTempView", "createTempView"} and arguments:
            self.session.local_views.add(text_of(arguments[0]).lower())
        return subject

    def sql(self, text: str, file: str, line: int, parameters: dict[str, str]) -> None:
        """SQL that stands in a cell of its own."""
        self.found.extend(
            sql_accesses(text, file=file, line=line, session=self.session, parameters=parameters)
        )

    def _sink(
        self, sink: Sink, arguments: list[Known], named: dict[str, Known], node: ast.Call
    ) -> str:
        if sink.keyword and sink.keyword in named:
            value = named[sink.keyword]
        elif sink.position < len(arguments):
            value = arguments[sink.position]
        else:
            return ""
        last = ""
        for text in texts_of(value):
            last = text
            self._touch_named(sink, text, arguments, named, node)
        return last

    def _touch_named(
        self,
        sink: Sink,
        text: str,
        arguments: list[Known],
        named: dict[str, Known],
        node: ast.Call,
    ) -> None:
        line = node.lineno
        match sink.kind:
            case "sql":
                parameters = _sql_parameters(arguments, named)
                first = node.args[0] if node.args else node
                self.found.extend(
                    sql_accesses(
                        text,
                        file=self.file,
                        line=getattr(first, "lineno", line),
                        session=self.session,
                        parameters=parameters,
                    )
                )
            case "path":
                self.touch_path(text, sink.mode, line)
            case "table":
                name = self.session.full(text.split("."))
                if text.lower() not in self.session.local_views:
                    self._touch(Securable.TABLE, name, sink.mode, line)
            case "model":
                if text != "None":
                    self._touch(Securable.MODEL, text, sink.mode, line)
            case "model_uri":
                if text.startswith("models:/") and text.count(".") >= 2:
                    name = text.removeprefix("models:/").split("@")[0].split("/")[0]
                    self._touch(Securable.MODEL, name, sink.mode, line)
                elif HOLE in text:
                    self._touch(Securable.MODEL, text, sink.mode, line)
            case kind:
                self._touch(Securable(kind), text, sink.mode, line)

    def _touch(self, securable: Securable, name: str, mode: Mode, line: int) -> None:
        reason = "part of the name is computed while it runs" if HOLE in name else ""
        self.found.append(
            Access(
                securable=securable,
                full_name=name.replace(HOLE, "?"),
                mode=mode,
                file=self.file,
                line=line,
                reason=reason,
            )
        )

    def touch_path(self, path: str, mode: Mode, line: int) -> None:
        """Only paths that may lie in a volume or a store count; a task's own disk doesn't."""
        governed = ("/Volumes", "dbfs:/Volumes", "s3:", "s3a:", "abfss:", "gs:", "dbfs:")
        if path.startswith(governed) or path.startswith(HOLE):
            self.found.append(path_access(path, mode, self.file, line))

    def _sdk_create(self, chain: str, named: dict[str, Known], node: ast.Call) -> None:
        """`w.schemas.create(name=…, catalog_name=…)` and its like put a name together."""
        for owner, kind, keys in (
            (".schemas.create", Securable.SCHEMA, ("catalog_name", "name")),
            (".volumes.create", Securable.VOLUME, ("catalog_name", "schema_name", "name")),
            (".tables.create", Securable.TABLE, ("catalog_name", "schema_name", "name")),
            (".registered_models.create", Securable.MODEL, ("catalog_name", "schema_name", "name")),
        ):
            if chain.endswith(owner):
                name = ".".join(text_of(named[key]) if key in named else HOLE for key in keys)
                self._touch(kind, name, Mode.WRITE, node.lineno)

    def unknown(self, line: int, reason: str) -> None:
        self.found.append(
            Access(
                securable=Securable.PATH,
                full_name="?",
                mode=Mode.WRITE,
                file=self.file,
                line=line,
                reason=reason,
            )
        )


def _sql_parameters(arguments: list[Known], named: dict[str, Known]) -> dict[str, str]:
    """Named parameters of `spark.sql(text, args={…})`, where their values are known."""
    given = named.get("args", arguments[1] if len(arguments) > 1 else None)
    if not isinstance(given, dict):
        return {}
    return {str(key): value for key, value in given.items() if isinstance(value, str)}
