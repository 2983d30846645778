"""DataFrame writers: `saveAsTable`, `insertInto`, `save`, `writeTo`, `mergeInto`, views.

One function per command message of Spark Connect. Each finds what is written, authorizes it
together with what the input reads, and hands the work to the engine or to `tables.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from brickyard.workspace.kernel import ApiError
from brickyard.workspace.spark import tables
from brickyard.workspace.spark.accesses import Touched
from brickyard.workspace.spark.answers import command_responses
from brickyard.workspace.spark.cursor import Cursor
from brickyard.workspace.spark.paths import writing
from brickyard.workspace.spark.plans import FILE_FORMATS, Walk
from brickyard.workspace.spark.protocol import WriteOperation, WriteOperationV2
from brickyard.workspace.spark.refusals import unsupported
from brickyard.workspace.spark.setup import FUNCTION, SOURCE, VIEW
from brickyard.workspace.spark.tables import Wanted
from brickyard.workspace.spark.turn import Turn

Responses = Iterator[bytes] | list[bytes]
_MODE: Final = WriteOperation.SaveMode.Name
_MODE_V2: Final = WriteOperationV2.Mode.Name


def write_operation(turn: Turn, command: Any) -> Responses:
    """`df.write`: to a table by name, or to a path."""
    walk = Walk(turn.reader)
    walk.visit(command.input)
    source = command.source.lower()
    if source not in FILE_FORMATS:
        raise unsupported(f"Writing the format '{command.source}'", "Write Delta, or files.")
    if command.WhichOneof("save_type") == "table":
        if source not in ("", "delta"):
            raise unsupported(f"A table of the format {source}", "Tables here are Delta tables.")
        name = turn.session.qualified(Cursor(command.table.table_name).name())
        method = command.table.save_method
        if method == 2:  # TABLE_SAVE_METHOD_INSERT_INTO
            return _write_table(turn, walk.touched, name)
        return _save_as_table(turn, walk.touched, name, command)
    return _save(turn, walk.touched, command)


def _save_as_table(turn: Turn, touched: Touched, name: str, command: Any) -> Responses:
    mode = _MODE(command.mode).removeprefix("SAVE_MODE_")
    options = {key.lower(): value for key, value in command.options.items()}
    if "path" in options:
        raise unsupported("The option 'path' of saveAsTable", "The catalog places the table.")
    found = turn.lake.find(name)
    wanted = Wanted(name=name, query=command.input, partitions=list(command.partitioning_columns))
    if found is None:
        turn.allow(touched)
        tables.create(turn, wanted)
    elif mode in ("ERROR_IF_EXISTS", "UNSPECIFIED"):
        turn.lake.catalog.tables.get(turn.principal, turn.workspace, name)
        raise ApiError(
            "TABLE_ALREADY_EXISTS",
            f"Cannot create table or view '{name}' because it already exists. Choose a different "
            "name, or mode('append') or mode('overwrite').",
        )
    elif mode != "IGNORE":
        touched.write(name)
        turn.allow(touched)
        folder = turn.lake.location(name)
        if folder is None:
            raise unsupported("Writing to a view")
        tables.save(
            turn,
            command.input,
            folder,
            mode=command.mode,
            options=dict(command.options.items()),
            partitions=list(command.partitioning_columns),
        )
    turn.record()
    return command_responses(turn.request, None)


def _save(turn: Turn, touched: Touched, command: Any) -> Responses:
    text = command.path or next(
        (value for key, value in command.options.items() if key.lower() == "path"), ""
    )
    if not text:
        if command.source == "noop":
            turn.allow(touched)
            return turn.stream()
        raise unsupported("save() without a path")
    place = turn.places.find(text, turn.workspace)
    if access := writing(place):
        touched.accesses.add(access)
    turn.allow(touched)
    for key in [key for key in command.options if key.lower() == "path"]:
        del command.options[key]
    command.path = str(place.path)
    if command.source.lower() == "delta":
        tables.save(
            turn,
            command.input,
            place.path,
            mode=command.mode,
            options=dict(command.options.items()),
            partitions=list(command.partitioning_columns),
        )
        turn.record()
        return command_responses(turn.request, None)
    responses = turn.run()
    turn.record()
    return responses


def write_operation_v2(turn: Turn, command: Any) -> Responses:
    """`df.writeTo(name)`."""
    walk = Walk(turn.reader)
    walk.visit(command)
    if any(key.lower() == "path" for key in command.options):
        raise unsupported("The option 'path' of writeTo", "The catalog places the table.")
    if command.provider.lower() not in ("", "delta"):
        raise unsupported(f"A table of the format {command.provider}")
    name = turn.session.qualified(Cursor(command.table_name).name())
    mode = _MODE_V2(command.mode).removeprefix("MODE_")
    if mode in ("APPEND", "OVERWRITE", "OVERWRITE_PARTITIONS"):
        walk.touched.write(name)
        turn.allow(walk.touched)
        if mode == "APPEND" and (folder := turn.lake.location(name)) is not None:
            tables.save(
                turn,
                command.input,
                folder,
                mode=tables.APPEND,
                options=dict(command.options.items()),
            )
            turn.record()
            return command_responses(turn.request, None)
        return _run(turn)
    partitions = []
    for one in command.partitioning_columns:
        if one.WhichOneof("expr_type") != "unresolved_attribute":
            raise unsupported("Partitioning by an expression", "Partition by a column.")
        partitions.append(Cursor(one.unresolved_attribute.unparsed_identifier).name()[-1])
    wanted = Wanted(
        name=name,
        query=command.input,
        partitions=partitions,
        properties=dict(command.table_properties.items()),
    )
    turn.allow(walk.touched)
    found = turn.lake.find(name)
    if mode == "REPLACE" and found is None:
        raise ApiError("TABLE_DOES_NOT_EXIST", f"The table '{name}' cannot be found.")
    if mode == "CREATE":
        tables.create(turn, wanted)
    else:
        tables.replace(turn, wanted)
    turn.record()
    return command_responses(turn.request, None)


def merge_into(turn: Turn, command: Any) -> Responses:
    walk = Walk(turn.reader)
    walk.visit(command)
    name = turn.session.qualified(Cursor(command.target_table_name).name())
    walk.touched.read(name)
    return _write_table(turn, walk.touched, name)


def create_view(turn: Turn, command: Any) -> Responses:
    """`createOrReplaceTempView`: remembers what stands behind the name."""
    walk = Walk(turn.reader)
    walk.visit(command.input)
    turn.allow(walk.touched)
    responses = turn.run()
    turn.session.temp_views[command.name.lower()] = walk.touched
    turn.remember(VIEW, command.name, walk.touched.remotes)
    return responses


def read_only(turn: Turn, command: Any) -> Responses:
    """A command that changes nothing in the catalog: what it reads is authorized."""
    walk = Walk(turn.reader)
    walk.visit(command)
    turn.allow(walk.touched)
    return turn.run()


def register_function(turn: Turn, command: Any) -> Responses:
    """A function of the session's own: its name means it from now on."""
    responses = read_only(turn, command)
    turn.session.functions.add(command.function_name.lower())
    turn.remember(FUNCTION, command.function_name, {})
    return responses


def register_data_source(turn: Turn, command: Any) -> Responses:
    responses = read_only(turn, command)
    turn.remember(SOURCE, command.name, {})
    return responses


def _write_table(turn: Turn, touched: Touched, name: str) -> Responses:
    touched.write(name)
    turn.allow(touched)
    return _run(turn)


def _run(turn: Turn) -> Responses:
    responses = turn.run()
    turn.record()
    return responses


COMMANDS: Final[Mapping[str, Callable[[Turn, Any], Responses]]] = {
    "write_operation": write_operation,
    "write_operation_v2": write_operation_v2,
    "merge_into_table_command": merge_into,
    "create_dataframe_view": create_view,
    "register_function": register_function,
    "register_table_function": register_function,
    "register_data_source": register_data_source,
    "checkpoint_command": read_only,
    "remove_cached_remote_relation_command": read_only,
    "get_resources_command": read_only,
}
