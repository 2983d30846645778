"""What differs between resource types, as data: calls, ids, field behaviours, waits, addresses.

The planner and the applier are written once against these dataclasses. Paths of fields are
patterns: `tasks[*].new_cluster` is that field of every task; a rule covers all below its path, and
`*` every field. Several rules may speak of one field: the planner asks them in the order of `On`.

What a type needs beyond one call per verb is data too: `Read.also` for what a second GET knows,
`ResourceType.after` for calls that follow (publishing a dashboard), `Power` for things that are
started and stopped, `Call.operation` for answers that are operations still running.
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
    """What to do about a field that differs; a field without a row is updated in place.

    Rules are asked in this order, the first with an opinion wins.
    """

    IGNORE_LOCAL = "ignore_local"  # a local change means nothing
    IGNORE_REMOTE = "ignore_remote"  # unchanged locally: a different remote value means nothing
    INPUT_ONLY = "input_only"  # sent, never read back
    OUTPUT_ONLY = "output_only"  # decided by the service
    ID = "id"  # part of the id: recreate on a local change, ignore a difference only seen remotely
    RENAME = "rename"  # part of the id, but the service can rename: `ResourceType.rename`
    SERVER_DEFAULT = "server_default"  # never set locally: what the service filled in is fine
    SLASH = "slash"  # equal but for a trailing slash
    NOT_READ = "not_read"  # no answer holds it: only a local change counts
    RECREATE = "recreate"  # a difference means delete and create
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Field:
    """One behaviour of one field, and why."""

    path: str
    on: On
    why: str
    values: tuple[object, ...] = ()  # SERVER_DEFAULT: only these values count as a default
    reason: str = ""  # the word for it in plans, where the official one is not `On`'s; "-": none


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One REST call, made from the desired configuration.

    `{id}` in `path` and `query` is the resource's id, percent-encoded in the path; another `{name}`
    is that field of the configuration (a query whose field is not set is left out). The body holds
    the fields named by `fields` (None: all but `ResourceType.local` and `.unsent`), renamed by
    `rename`, under the key `wrap` when given, plus the id under `id_field` and `constants`. `body`
    replaces all that: it is called with the desired and the recorded configuration and the id
    (empty when creating); None from it means that nothing has to be called.
    """

    method: str
    path: str
    fields: tuple[str, ...] | None = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    wrap: str = ""
    id_field: str = ""
    id_is_number: bool = False
    constants: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str | Callable[[Json], object]] = field(default_factory=dict)
    body: Callable[[Json, Json, str], Json | None] | None = None
    when: tuple[str, ...] = ()  # an update in parts: only if one of these top-level fields changed
    unless_only: tuple[str, ...] = ()  # not if nothing but these top-level fields changed
    # `spec.`: the changed top-level fields, but `unsent` ones, are the query's `update_mask`
    mask: str = ""
    # wait (`ResourceType.wait`) before this call: the service refuses else
    await_ready: bool = False
    # member of the answer -> path of a GET for it, after the call; empty where that finds nothing
    also: Mapping[str, str] = field(default_factory=dict)
    operation: str = ""  # the answer is an operation: poll its `name` below this path until done
    then: Wait | None = None  # what the call set off; `{name}` is a field of its answer
    # An error that goes away: its message. The call is repeated for a quarter of an hour.
    retry_on: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """How to read the actual resource: a GET, further pages, the part that is configuration.

    `configuration` turns the whole answer into the shape of the configuration (fields of the same
    names; what the field catalogue does not know is dropped). `record` turns it into the flat form
    in which `${resources.…}` references and plans see the resource.
    """

    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    page_token: str = ""  # name of the token in the answer, sent back as `page_token`
    page_lists: tuple[str, ...] = ()  # dotted paths of the lists continued by further pages
    pick: Callable[[Json, str], Json | None] | None = None  # the one with this id, in a list
    also: Mapping[str, str] = field(
        default_factory=dict
    )  # member -> path of a second GET, if there
    configuration: Callable[[Json], Json] = dict
    record: Callable[[Json], Json] = dict
    is_gone: Callable[[Json], bool] | None = None  # an answer that means "not there"
    missing: str = ""  # pattern of an error message that means 404 though its status does not


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """How to find an object by its name, for a type whose ids the service makes up.

    A list is read; of its `items`, one is meant whose member `name` is the configured name, and
    which has, once read, the same values in `also`. `is_marked`: `also` holds a mark of the
    deployment that made it, so that nothing made by others is ever meant.
    """

    path: str
    items: str
    id: str
    name: str
    # `{name}` in it is that name, `{pattern}` the name as a pattern of SQL's LIKE.
    query: Mapping[str, str] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    is_marked: bool = False
    # Where the object lies in the workspace's folders, told with its fields: whether a name is
    # free is then seen without a list.
    file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """`lifecycle.started`: what starts and stops the resource, and how to see which it is.

    `is_on` says of an answer whether it runs; None while it changes. `deploy` is called whenever
    something was applied to a started resource.
    """

    start: Call
    stop: Call
    is_on: Callable[[Json], bool | None]
    starts_when_made: bool = False
    edit_starts: bool = False  # an edit leaves it running
    deploy: Call | None = None


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
    # The id where the configuration chooses it: a pattern of its fields, `{catalog_name}.{name}`.
    chosen_id: str = ""
    lookup: Lookup | None = None  # where the service makes the ids up and has a list
    update: tuple[Call, ...] = ()  # made in order; empty: the type cannot be updated
    resize: Call | None = None  # for what `decides` calls a resize
    rename: Call | None = None  # for fields On.RENAME; the new id comes from `id` with its answer
    fields: tuple[Field, ...] = ()
    keyed_lists: Mapping[str, str] = field(default_factory=dict)  # pattern of the list -> its key
    # Fields whose values are the same though they differ: path -> comparison.
    same: Mapping[str, Callable[[object, object], bool]] = field(default_factory=dict)
    # What is decided against the rules: (path, old, new, remote, record) -> (action, reason).
    decides: Callable[[str, object, object, object, Json], tuple[str, str] | None] | None = None
    parents: Mapping[str, str] = field(default_factory=dict)  # field -> "schemas.name"
    required: tuple[str, ...] = ()
    # In the configuration, never in a request nor in the state.
    local: tuple[str, ...] = LOCAL
    # From the configuration without `local` to what is recorded, where that has another form.
    recorded: Callable[[Json], Json] | None = None
    unsent: tuple[str, ...] = ()  # recorded, in no request
    learned: Callable[[Json], Json] | None = None  # what the state takes from an answer (etag)
    secrets: tuple[str, ...] = ()  # fields whose values are neither recorded nor shown
    id_is_path: bool = False  # the id is a path of the API, `projects/a/branches/b`
    folder_field: str = ""  # names a workspace folder that is made when the create misses it
    after: tuple[Call, ...] = ()  # follow a create and an update
    power: Power | None = None
    wait: Wait | None = None  # after create
    wait_after_update: bool = False
    # Before the delete of what goes on; `has_ended` says of an actual resource whether it does not.
    cancel: Call | None = None
    has_ended: Callable[[Json], bool] = lambda record: True
    settle: Wait | None = None  # after delete, until the name is free; usually none
    # Below the host; {id}, or another recorded field; {id_path} is that with dots as slashes.
    url: str = ""
    # It can refer to what only runs make; a create or update answered with 404 then means this.
    waits_for: str = ""
    name_field: str = "name"
    prefix: Prefix = Prefix.NONE
    tags: Tags = Tags.NONE
    tags_field: str = "tags"
    cloud_tags: bool = False  # keys and values only of letters that the cloud's own tags allow
    token: str = ""  # field of the create's request: the same token makes nothing twice
    unrecorded: tuple[str, ...] = ()  # fields that are planned with and not recorded
    # (the resource as read, whether it is ready) -> what a deploy says of it while it waits
    tells: Callable[[Json, bool], str] | None = None
    loses_data: str = ""  # what is lost with it; deleting asks first. Empty: nothing is
    # Whether a recorded state says that the data stays when the resource goes.
    keeps_data: Callable[[Json], bool] = lambda recorded: False
    permissions: str = ""  # object of the permissions API, "/jobs/"; empty: has none
    permission_list: str = "permissions"  # which access type its `permissions` are
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
    # what tells entries apart in their normal form: a field, or a function that names one
    keyed_by: str | Callable[[Json], str]
    id: Callable[[ResourceType, str, Json], str]
    state: Callable[[str, list[Json]], Json]
    entries_of_state: Callable[[Json], list[Json]]
    read: Callable[[str], str]  # id -> path of GET
    # (id, desired, actual) -> the requests (method, path, body) that make actual desired
    calls: Callable[[str, list[Json], list[Json]], list[tuple[str, str, Json]]]
    entries: Callable[[Json], list[Json]]
    unknown_id: Callable[[ResourceType], str]  # stands for an id that only applying tells
    object_field: str  # member of the state that names the object
    object_reference: Callable[[ResourceType, str], str]  # (type, parent address) -> `${…}` for it
    is_renamed: bool = False  # whether the list goes along with an object that is made anew
    normal: Callable[[list[Json]], list[Json]] = list  # the form in which lists are compared
    page_token: str = ""
