"""A function whose work the workspace does: the engine sends columns, and gets one back.

Sail calls Python with Arrow columns. What is registered here is not code of anybody: a reference
to `remote_calls.py`, which the engine's own process loaded at its start, and what to ask for.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from brickyard.workspace.spark.protocol import Plan

SCALAR_ARROW: Final = 250  # PythonEvalType.SQL_SCALAR_ARROW_UDF
MODULE: Final = "brickyard_remote"


@dataclass(frozen=True, slots=True)
class Remote:
    """`request` is JSON: what the workspace is asked with every batch. `returns` is a SQL type."""

    request: str
    returns: str
    is_deterministic: bool = False

    @property
    def name(self) -> str:
        told = f"{self.request}\n{self.returns}\n{self.is_deterministic}"
        return f"brickyard_{hashlib.sha256(told.encode()).hexdigest()[:20]}"


def remote(request: Mapping[str, Any], returns: str, *, is_deterministic: bool = False) -> Remote:
    return Remote(json.dumps(request, sort_keys=True), returns, is_deterministic)


def registration(one: Remote, returns: Any, returns_json: Any) -> Any:
    """The command that makes the function known to a session. `returns` is a `DataType`."""
    plan = Plan()
    function = plan.command.register_function
    function.function_name = one.name
    function.deterministic = one.is_deterministic
    function.python_udf.output_type.CopyFrom(returns)
    function.python_udf.eval_type = SCALAR_ARROW
    function.python_udf.command = pickled(
        {**json.loads(one.request), "returns": returns_json}, returns_json
    )
    function.python_udf.python_ver = f"{sys.version_info.major}.{sys.version_info.minor}"
    return plan


def pickled(request: Mapping[str, Any], returns_json: Any) -> bytes:
    """(function, return type) as pickle's oldest protocol writes it: two names with a text each."""
    function = _called(f"c{MODULE}\nremote\n", json.dumps(request))
    kind = _called("cpyspark.sql.types\n_parse_datatype_json_string\n", json.dumps(returns_json))
    return f"({function}{kind}t.".encode()


def _called(name: str, text: str) -> str:
    return f"{name}(V{_text(text)}\ntR"


def _text(text: str) -> str:
    """ASCII for the opcode V, which reads `\\uXXXX` as the character and a new line as the end."""
    return text.replace("\\", "\\u005c")
