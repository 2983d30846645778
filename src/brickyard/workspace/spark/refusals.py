"""Refusing a plan as Spark does: an exception class, an error condition and an SQL state.

The client builds its exception from a `google.rpc.Status` in the trailing metadata. Without an
`errorId` it asks no further question. The condition and the state are written into the text too,
as Spark's own messages have them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from brickyard.workspace.kernel import ApiError

ANALYSIS: Final = "org.apache.spark.sql.AnalysisException"
PARSE: Final = "org.apache.spark.sql.catalyst.parser.ParseException"
UNSUPPORTED: Final = "java.lang.UnsupportedOperationException"
SPARK: Final = "org.apache.spark.SparkException"
SESSION_CLOSED: Final = "INVALID_HANDLE.SESSION_CLOSED"

# error code of the catalog -> (condition, SQL state)
_CONDITIONS: Final[Mapping[str, tuple[str, str]]] = {
    "PERMISSION_DENIED": ("INSUFFICIENT_PERMISSIONS", "42501"),
    "CATALOG_DOES_NOT_EXIST": ("NO_SUCH_CATALOG_EXCEPTION", "42704"),
    "SCHEMA_DOES_NOT_EXIST": ("SCHEMA_NOT_FOUND", "42704"),
    "TABLE_DOES_NOT_EXIST": ("TABLE_OR_VIEW_NOT_FOUND", "42P01"),
    "VOLUME_DOES_NOT_EXIST": ("VOLUME_DOES_NOT_EXIST", "42704"),
    "FUNCTION_DOES_NOT_EXIST": ("ROUTINE_NOT_FOUND", "42883"),
    "FUNCTION_ALREADY_EXISTS": ("ROUTINE_ALREADY_EXISTS", "42723"),
    "CATALOG_ALREADY_EXISTS": ("CATALOG_ALREADY_EXISTS", "42710"),
    "SCHEMA_ALREADY_EXISTS": ("SCHEMA_ALREADY_EXISTS", "42P06"),
    "TABLE_ALREADY_EXISTS": ("TABLE_OR_VIEW_ALREADY_EXISTS", "42P07"),
    "VOLUME_ALREADY_EXISTS": ("VOLUME_ALREADY_EXISTS", "42000"),
    "SCHEMA_NOT_EMPTY": ("SCHEMA_NOT_EMPTY", "2BP01"),
    "INVALID_PARAMETER_VALUE": ("INVALID_PARAMETER_VALUE", "22023"),
}
# code of a failure while a statement ran -> SQL state
_STATES: Final[Mapping[str, str]] = {
    "USER_DEFINED_FUNCTIONS_FAILED": "39000",
    "DEADLINE_EXCEEDED": "57014",
    "ABORTED": "40001",
}


class Refusal(Exception):
    """A plan that is not run, and why. `text` carries condition and state."""

    def __init__(
        self, condition: str, message: str, *, sql_state: str, jvm_class: str = ANALYSIS
    ) -> None:
        super().__init__(message)
        self.condition = condition
        self.message = message
        self.sql_state = sql_state
        self.jvm_class = jvm_class

    @property
    def text(self) -> str:
        return f"[{self.condition}] {self.message} SQLSTATE: {self.sql_state}"

    def status(self) -> bytes:
        """The serialized `google.rpc.Status` for `grpc-status-details-bin`."""
        from google.rpc import error_details_pb2, status_pb2

        info = error_details_pb2.ErrorInfo(
            reason=self.jvm_class,
            domain="org.apache.spark",
            metadata={
                "classes": json.dumps([self.jvm_class]),
                "errorClass": self.condition,
                "sqlState": self.sql_state,
                "messageParameters": "{}",
            },
        )
        status = status_pb2.Status(code=7 if self.sql_state == "42501" else 13, message=self.text)
        status.details.add().Pack(info)
        return bytes(status.SerializeToString())


def from_api(fault: ApiError) -> Refusal:
    """What the catalog refused, in Spark's words."""
    condition, state = _CONDITIONS.get(fault.code, (fault.code, "42000"))
    message = fault.message
    if fault.code == "PERMISSION_DENIED":
        message = f"Insufficient privileges: PERMISSION_DENIED: {fault.message}"
    return Refusal(condition, message, sql_state=state)


_TOLD: Final = re.compile(r"BRICKYARD\[(\w+)\](.*?)\[/BRICKYARD\]", re.DOTALL)


def told_by_the_workspace(engine_says: str) -> Refusal | None:
    """What the workspace refused while the engine ran (remote_calls.py), without its way here."""
    found = _TOLD.search(engine_says)
    if found is None:
        return None
    code, message = found.group(1), found.group(2)
    if code in _CONDITIONS:
        return from_api(ApiError(code, message))
    return Refusal(code, message, sql_state=_STATES.get(code, "58000"), jvm_class=SPARK)


_CLOSED: Final = re.compile(r"session (\S+) is not running")


def retold(engine_says: str) -> Refusal | None:
    """An engine's error that has better words: the workspace's own, or those of Spark's server."""
    if told := told_by_the_workspace(engine_says):
        return told
    if (found := _CLOSED.search(engine_says)) is None:
        return None
    return Refusal(
        SESSION_CLOSED,
        f"The handle {found[1]} is invalid. Session was closed.",
        sql_state="HY000",
        jvm_class=SPARK,
    )


def unsupported(what: str, way_out: str = "") -> Refusal:
    """Something the engine cannot do, named."""
    message = f"{what} is not supported by the embedded Spark engine."
    return Refusal(
        "UNSUPPORTED_FEATURE",
        f"{message} {way_out}".rstrip(),
        sql_state="0A000",
        jvm_class=UNSUPPORTED,
    )


def not_understood(what: str) -> Refusal:
    """Something that cannot be checked, and is therefore not run."""
    return Refusal(
        "INSUFFICIENT_PERMISSIONS",
        f"Insufficient privileges: PERMISSION_DENIED: {what} cannot be checked against the "
        "catalog's rights and is not run. Write it in another form.",
        sql_state="42501",
    )
