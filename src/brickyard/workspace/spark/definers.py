"""Whether a view or a SQL function may stand in its caller's statement as text.

What it reads is its owner's to read: the owner must have the rights, the caller needs SELECT on the
view or EXECUTE on the function. Where the caller could read all of it as well, its text takes its
place, as quick as a table. Else the workspace runs it as its owner and the statement gets the rows:
an engine process shows the files of one principal and of nobody else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.catalog.routines import Routine
from brickyard.workspace.kernel import ApiError, Principal
from brickyard.workspace.spark.accesses import Touched
from brickyard.workspace.spark.functions.remote import Remote, remote
from brickyard.workspace.spark.refusals import Refusal
from brickyard.workspace.spark.sessions import Session

if TYPE_CHECKING:
    from brickyard.workspace.spark.statements import Reader

KIND: Final = "definer"


class Definers:
    """Of the statements of one reader."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def runs_function(self, routine: Routine) -> bool:
        """Whether a SQL function has to be run as its owner."""
        catalog, schema, _ = routine.full_name.split(".")
        text = routine.body if routine.is_table else f"SELECT ({routine.body})"
        return self._runs(routine.full_name, routine.owner, text, catalog, schema)

    def runs_view(self, full_name: str, text: str) -> bool:
        """Whether a view has to be read as its owner."""
        owner = self._reader.lake.view_owner(full_name)
        if owner is None:
            return False
        session = self._reader.session
        return self._runs(full_name, owner, text, session.catalog, session.schema)

    def view(self, full_name: str) -> Remote:
        """What the engine calls for the rows of a view."""
        columns = self._reader.lake.catalog.table(full_name).columns
        kinds = ", ".join(f"`{one['name']}`: {one['type_text']}" for one in columns)
        asked = {"view": full_name, **self._sealed(full_name)}
        return remote({"kind": KIND, **asked}, f"ARRAY<STRUCT<{kinds}>>", is_deterministic=True)

    def function(self, routine: Routine) -> Remote:
        """What the engine calls for a function; its columns are the arguments."""
        asked = {
            "function": routine.full_name,
            "digest": routine.digest,
            "columns": [one.name for one in routine.parameters],
            **self._sealed(routine.full_name),
        }
        return remote(
            {"kind": KIND, **asked},
            routine.return_type,
            is_deterministic=routine.is_deterministic,
        )

    def _sealed(self, what: str) -> dict[str, str]:
        """Who asked first, where that is not the principal of the engine."""
        caller, invokers = self._reader.caller, self._reader.lake.invokers
        if caller.invoker is None:
            return {}
        name = caller.invoker.user_name
        return {"invoker": name, "seal": invokers.seal(name, caller.principal.user_name, what)}

    def _runs(self, name: str, owner: str, text: str, catalog: str, schema: str) -> bool:
        caller = self._reader.caller.principal
        if owner == caller.user_name:
            return False
        known = self._reader.definitions
        key = (caller.user_name, name)
        if key in known and known[key] is None:
            raise Refusal("ROUTINE_RECURSION", f"{name} refers to itself.", sql_state="42P13")
        if key not in known:
            known[key] = None
            known[key] = self._judged(name, owner, text, catalog, schema)
        return bool(known[key])

    def _judged(self, name: str, owner: str, text: str, catalog: str, schema: str) -> bool:
        holder = self._reader.lake.rights_of(owner, self._reader.workspace)
        if holder is None:
            raise Refusal(
                "PERMISSION_DENIED",
                f"{name} runs with the rights of its owner {owner}, who is not there any more: give"
                " it another owner.",
                sql_state="42501",
            )
        try:
            self._require(holder, self._touched(holder, text, catalog, schema))
        except ApiError as refused:
            raise ApiError(
                refused.code,
                f"{name} runs with the rights of its owner {owner}: {refused.message}",
                status=refused.status,
            ) from None
        caller = self._reader.caller.principal
        try:
            self._require(caller, self._touched(caller, text, catalog, schema))
        except (ApiError, Refusal):
            return True
        return False

    def _touched(self, principal: Principal, text: str, catalog: str, schema: str) -> Touched:
        reader: Any = replace(
            self._reader,
            session=Session(id="", catalog=catalog, schema=schema),
            caller=replace(self._reader.caller, principal=principal),
        )
        found: Touched = reader.understand(text).touched
        return found

    def _require(self, principal: Principal, touched: Touched) -> None:
        for access in sorted(touched.accesses, key=lambda one: one.full_name):
            self._reader.lake.authorize(principal, self._reader.workspace, access)
