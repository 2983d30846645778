"""The messages of Spark Connect, built from the descriptors that the installed pyspark carries.

Importing `pyspark.sql.connect.proto` would import all of pyspark, pandas and NumPy (0.7 s, 60 MB)
and take the names in protobuf's global pool. The generated modules hold each file's descriptor as
one bytes literal: it is read as text and added to a pool of our own.
"""

from __future__ import annotations

import ast
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE: Final = "spark.connect"
SERVICE: Final = f"{PACKAGE}.SparkConnectService"
DBR_VERSION: Final = 800  # of SparkVersion, in Databricks Connect


def _folder() -> Path:
    spec = find_spec("pyspark")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("pyspark-client is not installed: install brickyard[local]")
    return Path(next(iter(spec.submodule_search_locations))) / "sql" / "connect" / "proto"


def _descriptor(generated: Path) -> bytes:
    """The serialized file descriptor in a generated module."""
    for node in ast.walk(ast.parse(generated.read_bytes())):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "AddSerializedFile"
            and isinstance(node.args[0], ast.Constant)
            and isinstance(node.args[0].value, bytes)
        ):
            return node.args[0].value
    raise ImportError(f"{generated} holds no descriptor: unknown version of pyspark-client")


def _pool() -> Any:
    folder = _folder()
    pool = descriptor_pool.DescriptorPool()
    added: set[str] = set()

    def add(name: str) -> None:
        if name in added:
            return
        added.add(name)
        stem = name.rpartition("/")[2].removesuffix(".proto")
        if name.startswith("google/protobuf/"):
            data = import_module(f"google.protobuf.{stem}_pb2").DESCRIPTOR.serialized_pb
        else:
            data = _descriptor(folder / f"{stem}_pb2.py")
        for dependency in descriptor_pb2.FileDescriptorProto.FromString(data).dependency:
            add(dependency)
        pool.AddSerializedFile(data)

    add("spark/connect/base.proto")
    return pool


_POOL: Final = _pool()


def _class(name: str) -> Any:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{PACKAGE}.{name}"))


AnalyzePlanRequest = _class("AnalyzePlanRequest")
AnalyzePlanResponse = _class("AnalyzePlanResponse")
CloneSessionRequest = _class("CloneSessionRequest")
Command = _class("Command")
ConfigRequest = _class("ConfigRequest")
ConfigResponse = _class("ConfigResponse")
DataType = _class("DataType")
ExecutePlanRequest = _class("ExecutePlanRequest")
ExecutePlanResponse = _class("ExecutePlanResponse")
Expression = _class("Expression")
InterruptRequest = _class("InterruptRequest")
InterruptResponse = _class("InterruptResponse")
Plan = _class("Plan")
ReattachExecuteRequest = _class("ReattachExecuteRequest")
Relation = _class("Relation")
ReleaseExecuteRequest = _class("ReleaseExecuteRequest")
ReleaseExecuteResponse = _class("ReleaseExecuteResponse")
ReleaseSessionRequest = _class("ReleaseSessionRequest")
ReleaseSessionResponse = _class("ReleaseSessionResponse")
WriteOperation = _class("WriteOperation")
WriteOperationV2 = _class("WriteOperationV2")


def with_runtime(version: str) -> bytes:
    """What, put behind a serialized AnalyzePlanResponse, tells the version of Databricks' runtime.

    Databricks Connect's own field of `spark_version`, which Spark's description does not have; it
    refuses serverless compute without it. Parsers join both parts of the message.
    """
    text = version.encode()
    inner = _tag(DBR_VERSION) + bytes((len(text),)) + text
    field = AnalyzePlanResponse.DESCRIPTOR.fields_by_name["spark_version"]
    return _tag(field.number) + bytes((len(inner),)) + inner


def _tag(number: int) -> bytes:
    """The key of a length-delimited field."""
    key, found = number << 3 | 2, bytearray()
    while key > 0x7F:
        found.append(key & 0x7F | 0x80)
        key >>= 7
    found.append(key)
    return bytes(found)
