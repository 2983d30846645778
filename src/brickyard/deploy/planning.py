"""From a connected project to its plan: gathers what the pure planner compares."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final

from brickyard.deploy.artifacts import NoLibrary, Prepared, build, prepare
from brickyard.deploy.calls import Caller
from brickyard.deploy.code_source import pack_code
from brickyard.deploy.graph import WORKERS
from brickyard.deploy.hooks import run_hook
from brickyard.deploy.http import RETRIES, ApiFailure, Unreachable
from brickyard.deploy.metadata import METADATA
from brickyard.deploy.plan import (
    Action,
    Actual,
    Desired,
    Node,
    Plan,
    PlanFault,
    declaration,
    plan,
)
from brickyard.deploy.project import BrokenBundle, Project, stop_on_refusals
from brickyard.deploy.references import CHILDREN
from brickyard.deploy.selection import addresses_of, narrowed, selected_addresses
from brickyard.deploy.state import State
from brickyard.deploy.state_store import Pulled
from brickyard.deploy.wheel_wrapper import Places, wrap_wheels
from brickyard.resources import ACCESS, TYPES, principal_of
from brickyard.values import Diagnostic, Severity, show

# Orders a scope's principals: groups, service principals, users.
SCOPE_PREFIXES: Final = {"group_name": "1", "service_principal_name": "2", "user_name": "3", "": ""}


class NotPlanned(Exception):
    """Recorded resources could not be read; `parts` are an error each, caused by the refusal.

    What depends on them is not planned either, and named.
    """

    def __init__(
        self,
        failures: Mapping[str, ApiFailure | Unreachable],
        state: State,
        wanted: Collection[str] | None = None,
    ) -> None:
        self.parts: list[Exception] = []
        waiting = {
            address: needed
            for address, needed in _dependants(state, failures).items()
            if wanted is None or address in wanted
        }
        for address, failure in failures.items():
            if address in waiting:
                continue
            id = state.entries[address].id
            said = failure.call if isinstance(failure, Unreachable) else failure
            part = PlanFault(f'cannot plan {address}: reading id="{id}": {said}')
            part.__cause__ = failure
            self.parts.append(part)
        for address, needed in waiting.items():
            part = PlanFault(f"cannot plan {address}: dependency failed: {needed}")
            self.parts.append(part)
        self.parts.append(PlanFault("planning failed"))
        super().__init__("; ".join(str(part) for part in self.parts[:-1]))


class Prevented(Exception):
    """The plan would delete something the bundle says must stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A delete or recreate, and what is lost with it (empty: nothing but the object itself)."""

    node: Node
    type: str
    data: str

    @property
    def deed(self) -> str:
        return f"{self.node.action.word} {self.node.address}"

    @property
    def line(self) -> str:
        return f"{self.deed}: {self.data} will be lost" if self.data else self.deed


def make_plan(
    project: Project, *, select: Sequence[str] = (), say: Callable[[str], None] = lambda _: None
) -> Plan:
    """What a deploy would do now. Builds artifacts; changes nothing in the workspace.

    With `select`, for these resources and what they need only.
    """
    chosen_addresses(project, select)
    prepared = prepare_resources(project, say=say)
    return plan_against(project, project.store.pull(), prepared, select=select, say=say)


def plan_against(
    project: Project,
    pulled: Pulled,
    prepared: Prepared,
    *,
    select: Sequence[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> Plan:
    """The plan for a state already pulled and artifacts already built."""
    chosen = chosen_addresses(project, select)
    caller = Caller(workspace=project.workspace)
    desired = desired_of(project, prepared.resources)
    wanted = {item.address for item in desired}
    actual = read_actual(pulled.state, caller, wanted=wanted, warn=say)
    made = plan(pulled.state, desired, actual)
    return narrowed(made, chosen) if select else made


def chosen_addresses(project: Project, select: Sequence[str]) -> tuple[str, ...]:
    """The resources of the bundle that selectors name. Raises `PlanFault`."""
    return selected_addresses(select, addresses_of(_plain(project, "resources")))


def plan_destroy(
    project: Project,
    state: State,
    *,
    select: Sequence[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> Plan:
    """Every recorded node deleted; those gone already are only forgotten.

    What cannot be read is said, and counts as being there.

    With `select`, only these. Raises `PlanFault` when something that stays needs one of them.
    """
    caller = Caller(workspace=project.workspace)
    made = plan(state, (), read_actual(state, caller, wanted=(), warn=say))
    if select:
        made = _without_dependants(made, selected_addresses(select, state.entries))
    return guard(project, made)


def _without_dependants(made: Plan, chosen: Sequence[str]) -> Plan:
    gone = {name for name in made.nodes if any(f"{name}.".startswith(f"{one}.") for one in chosen)}
    for name, node in made.nodes.items():
        needed = [edge.node for edge in node.depends_on if edge.node in gone]
        if name not in gone and needed:
            raise PlanFault(f"{name} needs {needed[0]}: select it too, or change it first")
    nodes = {name: made.nodes[name] for name in made.nodes if name in gone}
    return replace(made, nodes=nodes, not_selected=len(made.nodes) - len(nodes))


def declared_nodes(project: Project) -> tuple[Desired, ...]:
    """The nodes of the bundle, without artifacts being built for them."""
    return desired_of(project, _plain(project, "resources"))


def guard(project: Project, made: Plan) -> Plan:
    """The plan with those nodes marked that the bundle wants kept (`lifecycle.prevent_destroy`)."""
    guarded = {item.address for item in declared_nodes(project) if item.prevents_destroy}
    nodes = {
        address: replace(node, prevents_destroy=address in guarded)
        for address, node in made.nodes.items()
    }
    return replace(made, nodes=nodes)


def prepare_resources(project: Project, *, say: Callable[[str], None]) -> Prepared:
    """Build artifacts and put their remote paths into the resources; done once per project."""
    if "prepared" not in project.built:
        project.built["prepared"] = _prepare(project, say)
    prepared: Prepared = project.built["prepared"]
    return prepared


def _prepare(project: Project, say: Callable[[str], None]) -> Prepared:
    artifacts = _plain(project, "artifacts")
    run_hook(project, "prebuild", say)
    build(artifacts, project.root, project.environment, say)
    run_hook(project, "postbuild", say)
    resources = _plain_resources(project)
    try:
        prepared = prepare(
            resources,
            artifacts,
            root=project.sync_rules.root,
            artifact_path=project.path("artifact_path"),
            patched=project.folder / "patched_wheels",
            say=say,
        )
    except NoLibrary as missing:
        raise BrokenBundle([_no_library(project, missing)]) from missing
    prepared = pack_code(prepared, project)
    return wrap_wheels(prepared, wrapper_places(project)) if wraps_wheels(project) else prepared


def _no_library(project: Project, missing: NoLibrary) -> Diagnostic:
    """The finding, at the first place that names the library."""
    found = project.resolved.tree.get("resources")
    places = found.walk(("resources",)) if found is not None else ()
    path, value = next(
        ((path, value) for path, value in places if value.data == missing.local), ((), None)
    )
    if path and path[-1] in ("whl", "jar"):
        value = project.resolved.tree.get(path[:-1])  # the library, where the official CLI points
    built = ", ".join(missing.built) or "none"
    return Diagnostic(
        severity=Severity.ERROR,
        code="deploy/no-library",
        summary=str(missing),
        detail=f"Artifacts built: {built}. Add one that makes it, or correct the path.",
        path=show(path),
        locations=value.locations if value is not None else (),
    )


def wraps_wheels(project: Project) -> bool:
    """Whether wheel tasks become notebook tasks (`experimental.python_wheel_wrapper`)."""
    found = project.resolved.tree.get("experimental.python_wheel_wrapper")
    return found is not None and found.data is True


def wrapper_places(project: Project) -> Places:
    return Places(
        folder=project.folder,
        root=project.sync_rules.root,
        file_path=project.path("file_path"),
    )


def desired_of(project: Project, resources: Mapping[str, Any]) -> tuple[Desired, ...]:
    """The nodes of the bundle: resources, and permissions and grants below them."""
    found: list[Desired] = []
    for kind in resources:
        for key, value in (resources[kind] or {}).items():
            if not isinstance(value, Mapping):
                continue
            found += _nodes_of(project, kind, key, value)
    return tuple(found)


def read_actual(
    state: State,
    caller: Caller,
    *,
    wanted: Collection[str] | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> Mapping[str, Actual | None]:
    """Read every recorded node from the workspace, several at a time.

    Raises `NotPlanned`. Whatever is not among the `wanted` is to be deleted, and counts as being
    there when it cannot be read: `warn` hears of it, and of each read that is made again.
    """
    failures: dict[str, ApiFailure | Unreachable] = {}

    def read(address: str) -> Actual | None:
        RETRIES.set(lambda what: warn(f"Warn: planning {address}: {what}"))
        try:
            return look(address)
        except (ApiFailure, Unreachable) as failure:
            if wanted is not None and address not in wanted:
                warn(_unread(state, address, _said(failure)))
                return Actual(configuration={}, whole={})
            failures[address] = failure
            return None

    def look(address: str) -> Actual | None:
        kind, access = declaration(address)
        id = state.entries[address].id
        if not id:
            return None
        return caller.read(kind, id) if access is None else caller.read_access(access, id)

    addresses = sorted(state.entries)
    with ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="read") as pool:
        found = dict(zip(addresses, pool.map(read, addresses), strict=True))
    if failures:
        raise NotPlanned(dict(sorted(failures.items())), state, wanted)
    return found


def _unread(state: State, address: str, why: str) -> str:
    id = state.entries[address].id
    return f'Warn: planning {address}: reading {address} id="{id}": {why}'


def _said(failure: ApiFailure | Unreachable) -> str:
    return failure.call if isinstance(failure, Unreachable) else failure.message


def _dependants(state: State, failed: Mapping[str, object]) -> Mapping[str, str]:
    """What waits for a failed node, with the one it waits for."""
    found: dict[str, str] = {}
    open_ends = list(failed)
    while open_ends:
        needed = open_ends.pop()
        for address, entry in sorted(state.entries.items()):
            waits = any(edge.node == needed for edge in entry.depends_on)
            if waits and address not in found:
                found[address] = found.get(needed, needed)
                open_ends.append(address)
    return dict(sorted(found.items()))


def losses(made: Plan) -> tuple[Loss, ...]:
    """Every delete and recreate in the plan, with what is lost. Children go with their parents."""
    found = []
    for node in made.pending:
        parts = node.address.split(".")
        is_child = len(parts) > 3
        if node.action not in (Action.DELETE, Action.RECREATE) or node.is_gone or is_child:
            continue
        kind = TYPES[parts[1]]
        data = "" if node.keeps_data else kind.loses_data
        found.append(Loss(node=node, type=kind.key, data=data))
    return tuple(found)


def check_prevented(made: Plan) -> None:
    """Raise `Prevented` when a guarded resource would go."""
    stopped = [
        node.address
        for node in made.pending
        if node.prevents_destroy
        and node.action in (Action.DELETE, Action.RECREATE)
        and not node.is_gone
    ]
    if stopped:
        raise Prevented(
            "\n".join(
                f"{address} has lifecycle.prevent_destroy set, but the plan calls for this resource"
                " to be recreated or destroyed. To avoid this error, disable"
                f" lifecycle.prevent_destroy for {address}"
                for address in stopped
            )
        )


def check_branch(project: Project, *, force: bool) -> None:
    """Raise `Prevented` when another branch is checked out than the target is configured for."""
    wanted = project.text("bundle.git.branch")
    actual = project.text("bundle.git.actual_branch")
    if not force and wanted and actual and wanted != actual:
        raise Prevented(
            f"target {project.resolved.target} deploys from branch {wanted}, and {actual} is"
            f" checked out: `git switch {wanted}`, or use --force"
        )


def _nodes_of(project: Project, kind: str, key: str, value: Mapping[str, Any]) -> Iterable[Desired]:
    address = f"resources.{kind}.{key}"
    guarded = bool((value.get("lifecycle") or {}).get("prevent_destroy"))
    sent: Mapping[str, Any] = {name: item for name, item in value.items() if name not in CHILDREN}
    if kind == "jobs":
        sent = _annotated(project, sent)
    yield Desired(address=address, type=kind, key=key, value=sent, prevents_destroy=guarded)
    declared = TYPES.get(kind)
    for part in CHILDREN:
        has_part = declared is not None and (
            declared.permissions if part == "permissions" else declared.securable
        )
        entries = value.get(part) or []
        if kind == "secret_scopes" and part == "permissions":
            entries = _scope_permissions(project, entries)
        # Grants that are taken away one by one until none is left are withdrawn.
        is_withdrawn = part == "grants" and value.get(part) == []
        if part in ACCESS and has_part and (entries or is_withdrawn):
            yield Desired(address=f"{address}.{part}", type=kind, key=key, value=entries, part=part)


def _scope_permissions(project: Project, given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A scope's list with the deployer as manager, each principal once, the highest level kept."""
    ranks = ("READ", "WRITE", "MANAGE")
    user = project.user
    name = "service_principal_name" if user.is_service_principal else "user_name"
    mine = {"level": "MANAGE", name: user.user_name}
    kept: dict[str, dict[str, Any]] = {}
    for entry in (*given, mine):
        who = SCOPE_PREFIXES[principal_of(entry).partition(":")[0]] + principal_of(entry)
        held = kept.get(who)
        if held is None or ranks.index(entry["level"]) > ranks.index(held["level"]):
            kept[who] = entry
    return [kept[who] for who in sorted(kept)]


def _annotated(project: Project, job: Mapping[str, Any]) -> Mapping[str, Any]:
    """Jobs say which deployment they belong to; the jobs page then shows them as such."""
    deployment = {
        "kind": "BUNDLE",
        "metadata_file_path": f"{project.path('state_path')}/{METADATA}",
    }
    return {"deployment": deployment, "edit_mode": "UI_LOCKED", "format": "MULTI_TASK"} | dict(job)


def _plain_resources(project: Project) -> Mapping[str, Any]:
    stop_on_refusals(project.diagnostics)
    return _plain(project, "resources")


def _plain(project: Project, name: str) -> Mapping[str, Any]:
    found = project.resolved.tree.get(name)
    plain = found.plain() if found is not None else {}
    return plain if isinstance(plain, dict) else {}
