"""One Python function of Unity Catalog, in a process of its own.

Run as a file; only the standard library and pyarrow. It connects to the unix socket of whoever
started it, says the secret it was given, gets the function, and then answers one batch of arguments
at a time with one Arrow column. It has no token and sees nothing of the data directory.

A frame is two lengths (4 bytes each), JSON, and bytes (an Arrow stream). Values are what PySpark
gives a Python function: dates, decimals, lists, dicts for maps; a struct is a Row that takes both
`row.name` and `row["name"]`.

Environment: BRICKYARD_SOCKET, BRICKYARD_SECRET.
"""

from __future__ import annotations

import ast
import json
import os
import socket
import textwrap
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any

LENGTHS = 8
BODY = "<body>"


def main() -> None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(os.environ.pop("BRICKYARD_SOCKET"))
    send(connection, {"secret": os.environ.pop("BRICKYARD_SECRET")}, b"")
    told, _ = receive(connection)
    try:
        function = made(told)
    except BaseException as fault:
        send(connection, {"error": _explained(fault)}, b"")
        return
    send(connection, {}, b"")
    import pyarrow as pa

    while True:
        try:
            _, data = receive(connection)
        except EOFError:
            return
        try:
            send(connection, {}, answered(pa, function, told, data))
        except Exception as fault:
            send(connection, {"error": _explained(fault)}, b"")


def made(told: dict[str, Any]) -> Callable[..., Any]:
    """The function of one row of arguments. A table function gives the list of its rows."""
    tree = ast.parse(textwrap.dedent(told["body"]).strip("\n"), filename=BODY)
    names: dict[str, Any] = {"__name__": "__main__"}
    if not told["handler"]:
        shell = ast.parse(f"def function({', '.join(told['parameters'])}): pass")
        shell.body[0].body = tree.body  # type: ignore[attr-defined]
        tree = shell
    exec(compile(tree, BODY, "exec"), names)
    handler = names[told["handler"] or "function"]
    if not told["is_table"]:
        found: Callable[..., Any] = handler
        return found
    return lambda *values: list(_rows(handler, values))


def _rows(handler: Any, values: Sequence[Any]) -> Iterator[Any]:
    one = handler()
    yield from one.eval(*values) or ()
    if hasattr(one, "terminate"):
        yield from one.terminate() or ()


def answered(pa: Any, function: Callable[..., Any], told: dict[str, Any], data: bytes) -> bytes:
    """One column for a batch of arguments, as an Arrow stream."""
    with pa.ipc.open_stream(data) as reader:
        table = reader.read_all()
        kind = pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(told["returns"]))).field(0).type
    count = len(told["parameters"])
    columns = [values_of(pa, column) for column in table.columns[:count]]
    rows = zip(*columns, strict=True) if columns else (() for _ in range(table.num_rows))
    results = [fitted(pa, function(*row), kind) for row in rows]
    try:
        column = pa.array(results, type=kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, ValueError, OverflowError) as fault:
        raise TypeError(f"the function's result does not fit {kind}: {fault}") from None
    batch = pa.RecordBatch.from_arrays([column], names=["returned"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


class Row(dict[str, Any]):
    """A struct: by name or by place."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __getitem__(self, key: Any) -> Any:
        return list(self.values())[key] if isinstance(key, int) else super().__getitem__(key)

    def asDict(self) -> dict[str, Any]:
        return dict(self)


def values_of(pa: Any, column: Any) -> list[Any]:
    change = _change(pa, column.type)
    found = column.to_pylist()
    return [None if one is None else change(one) for one in found] if change else found


def _change(pa: Any, kind: Any) -> Callable[[Any], Any] | None:
    """What makes of Arrow's Python values those of PySpark; None: they are the same."""
    if pa.types.is_map(kind):
        inner = _change(pa, kind.item_type) or (lambda one: one)
        return lambda pairs: {key: None if v is None else inner(v) for key, v in pairs}
    if pa.types.is_struct(kind):
        changes = {field.name: _change(pa, field.type) for field in kind}
        return lambda row: Row(
            {
                name: change(row[name]) if change and row[name] is not None else row[name]
                for name, change in changes.items()
            }
        )
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        element = _change(pa, kind.value_type)
        return (lambda many: [None if v is None else element(v) for v in many]) if element else None
    return None


def fitted(pa: Any, value: Any, kind: Any) -> Any:
    """A result as Arrow takes it: tuples for structs, dicts for maps, numbers that fit."""
    if value is None:
        return None
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [fitted(pa, one, kind.value_type) for one in value]
    if pa.types.is_map(kind) and isinstance(value, dict):
        return [(key, fitted(pa, one, kind.item_type)) for key, one in value.items()]
    if pa.types.is_struct(kind):
        if not isinstance(value, dict):
            values = value if isinstance(value, tuple | list) else (value,)
            if len(values) != kind.num_fields:
                raise TypeError(f"a row of {len(values)} values for {kind.num_fields} columns")
            value = {field.name: one for field, one in zip(kind, values, strict=True)}
        return {field.name: fitted(pa, value.get(field.name), field.type) for field in kind}
    if pa.types.is_string(kind) and not isinstance(value, str):
        return str(value)
    if pa.types.is_floating(kind) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if pa.types.is_decimal(kind) and isinstance(value, int | float):
        from decimal import Decimal

        return Decimal(str(value)).quantize(Decimal(1).scaleb(-kind.scale))
    return value.item() if hasattr(value, "item") and hasattr(value, "dtype") else value


def _explained(fault: BaseException) -> str:
    """The error, and the lines of the function's own that led to it."""
    own = [one for one in traceback.extract_tb(fault.__traceback__) if one.filename == BODY]
    where = f" (line {own[-1].lineno} of the function's body)" if own else ""
    return f"{type(fault).__name__}: {fault}{where}"


def send(connection: socket.socket, told: dict[str, Any], data: bytes) -> None:
    head = json.dumps(told).encode()
    connection.sendall(len(head).to_bytes(4, "big") + len(data).to_bytes(4, "big") + head + data)


def receive(connection: socket.socket) -> tuple[dict[str, Any], bytes]:
    """The next frame. Raises EOFError when the other side is gone."""
    lengths = _exactly(connection, LENGTHS)
    head = _exactly(connection, int.from_bytes(lengths[:4], "big"))
    return json.loads(head), _exactly(connection, int.from_bytes(lengths[4:], "big"))


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        chunk = connection.recv(min(size - len(data), 1 << 20))
        if not chunk:
            raise EOFError
        data += chunk
    return bytes(data)


if __name__ == "__main__":
    main()
