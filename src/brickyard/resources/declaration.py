"""What differs between resource types, as data: calls, ids, field behaviours, waits, addresses.

The planner and the applier are written once against these dataclasses. Paths of fields are
patterns: `tasks[*].new_cluster` is that field of every task; a rule covers all below its path.
Rules of one field may be several; they are given in the order in which a planner should ask them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, Final, TypeAlias

Json: TypeAlias = dict[str, Any]

# What a bundle adds to any resource.
LOCAL: Final = ("lifecycle", "permissions", "grants", "id", "url", "modified_status")


class On(StrEnum):
    """What to do about a field that differs. A field without a row is updated in place."""

    UPDATE = "update"
    RECREATE = "recreate"  # a difference means delete and create
    ID = "id"  # part of the id: recreate on a local change, ignore a difference only seen remotely
    RENAME = "rename"  # part of the id, but the service can rename: `ResourceType.rename`
    IGNORE_REMOTE = "ignore_remote"  # unchanged locally: a different remote value means nothing
    IGNORE_LOCAL = "ignore_local"  # a local change means nothing
    SERVER_DEFAULT = "server_default"  # never set locally: what the service filled in is fine
    SLASH = "slash"  # equal but for a trailing slash
    INPUT_ONLY = "input_only"  # sent, never read back
    OUTPUT_ONLY = "output_only"  # only ever read


@dataclass(frozen=True, slots=True)
class Field:
    """One behaviour of one field, and why."""

    path: str
    on: On
    why: str
    values: tuple[object, ...] = ()  # SERVER_DEFAULT: only these values count as a default


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One REST call, made from the desired configuration.

    `{id}` in `path` and `query` is the resource's id, percent-encoded in the path. The body holds
    the fields named by `fields` (None: all but `ResourceType.local`), renamed by `rename`, under
    the key `wrap` when given, plus the id under `id_field`. `body` replaces all that: it is called
    with the desired and the recorded configuration and the id (empty when creating); None from it
    means that nothing has to be called.
    """

    method: str
    path: str
    fields: tuple[str, ...] | None = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    wrap: str = ""
    id_field: str = ""
    id_is_number: bool = False
    query: Mapping[str, str] = field(default_factory=dict)
    body: Callable[[Json, Json, str], Json | None] | None = None
    when: tuple[str, ...] = ()  # an update in parts: only if one of these top-level fields changed
    await_ready: bool = (
        False  # wait (`ResourceType.wait`) before this call: the service refuses else
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """How to read the actual resource: a GET, further pages, the part that is configuration.

    `configuration` turns the whole answer into the shape of the configuration (fields of the same
    names); the rest of the answer stays available for `${resources.…}` references.
    """

    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    page_token: str = ""  # name of the token in the answer, sent back as `page_token`
    page_lists: tuple[str, ...] = ()  # dotted paths of the lists continued by further pages
    configuration: Callable[[Json], Json] = dict
    is_gone: Callable[[Json], bool] | None = None  # an answer that means "not there"
    missing: str = ""  # pattern of an error message that means 404 though its status does not


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What to poll after a create or an update until the resource can be used.

    `ready` and `failed` map a dotted path in the answer to values: ready when all of `ready` hold,
    failed when any of `failed` does.
    """

    path: str
    ready: Mapping[str, tuple[str, ...]]
    failed: Mapping[str, tuple[str, ...]]
    message: str = ""
    timeout_s: int = 1200


class Prefix(Enum):
    """How `presets.name_prefix` changes the name."""

    NONE = "none"
    PLAIN = "plain"  # prefix + name
    LAST_SEGMENT = "last_segment"  # on the last segment of a path
    NORMALISED = "normalised"  # `[dev jane] ` becomes `dev_jane_`


class Tags(Enum):
    """How `presets.tags` reaches the resource."""

    NONE = "none"
    MAP = "map"  # {key: value}
    LIST = "list"  # [{key, value}]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """Everything the planner, the applier and the messages need to know of one type."""

    key: str  # under `resources`
    title: str  # "Schema"
    service: str  # WorkspaceClient().<service>, for cross-checks
    create: Call
    read: Read
    delete: Call
    id: Callable[[Json, Json], str]  # (configuration sent, answer of create or read) -> id
    update: tuple[Call, ...] = ()  # made in order; empty: the type cannot be updated
    rename: Call | None = None  # for fields On.RENAME; the new id comes from `id` with its answer
    fields: tuple[Field, ...] = ()
    keyed_lists: Mapping[str, str] = field(default_factory=dict)  # pattern of the list -> its key
    # Fields whose values are the same though they differ: path -> comparison.
    same: Mapping[str, Callable[[object, object], bool]] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)  # field -> "schemas.name"
    required: tuple[str, ...] = ()
    # In the configuration, never in a request nor in the state.
    local: tuple[str, ...] = LOCAL
    wait: Wait | None = None  # after create, and after update too
    settle: Wait | None = None  # after delete, until the name is free; usually none
    url: str = ""  # below the host; {id}, or {id_path} with dots as slashes
    name_field: str = "name"
    prefix: Prefix = Prefix.NONE
    tags: Tags = Tags.NONE
    loses_data: str = ""  # what is lost with it; deleting asks first. Empty: nothing is
    permissions: str = ""  # object of the permissions API, "/jobs/"; empty: has none
    permissions_id: str = ""  # field of the actual resource in that path, when it is not the id
    securable: str = ""  # securable type of the grants API; empty: has no grants


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessType:
    """`permissions` or `grants` below a resource, planned and applied as a node of its own.

    `id(type, parent id, parent's actual state)` names the node, `state` is what is recorded,
    `entries` reads the answer of `read` into the written form, `body(desired, actual)` makes the
    request of `write`. Deleting the node calls nothing: the entries go with their parent.
    """

    key: str
    title: str
    keyed_by: Callable[[Json], str]  # entry -> the principal that it is about
    id: Callable[[ResourceType, str, Json], str]
    state: Callable[[str, list[Json]], Json]
    read: Callable[[str], str]  # id -> path of GET
    write: Callable[[str], str]
    write_method: str
    entries: Callable[[Json], list[Json]]
    body: Callable[[list[Json], list[Json]], Json]
    normal: Callable[[list[Json]], list[Json]] = list  # the form in which lists are compared
    page_token: str = ""
