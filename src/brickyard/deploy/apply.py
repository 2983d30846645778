"""Carrying out a plan: one node after another along the edges, several at a time.

What happens was decided while planning. Each call that succeeded is in the log before anything else
is done; a failed node skips those that wait for it and nothing else. A node that an interrupted
deploy may have created is looked for first, and taken over if it is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from brickyard.deploy.calls import Caller, NotReady, revive
from brickyard.deploy.graph import Outcome, run_graph
from brickyard.deploy.http import ApiFailure, Unreachable
from brickyard.deploy.journal import Journal
from brickyard.deploy.plan import (
    Action,
    Actual,
    Node,
    Plan,
    changes_of,
    declaration,
    worst,
)
from brickyard.deploy.recorded_values import recorded_value
from brickyard.deploy.references import (
    Reference,
    Unresolved,
    places,
    substitute,
    without_unset,
)
from brickyard.deploy.seals import for_the_record
from brickyard.deploy.state import Entry, State
from brickyard.deploy.unrecorded import Ambiguous, find_made
from brickyard.resources import TYPES, AccessType, Json, ResourceType

DONE = {
    Action.CREATE: "Created",
    Action.UPDATE: "Updated",
    Action.RESIZE: "Resized",
    Action.UPDATE_ID: "Updated",
    Action.RECREATE: "Recreated",
    Action.DELETE: "Deleted",
}
VERBS = {
    Action.CREATE: "create",
    Action.UPDATE: "update",
    Action.RESIZE: "resize",
    Action.UPDATE_ID: "rename",
    Action.RECREATE: "recreate",
    Action.DELETE: "delete",
}

# What was being done, in the official CLI's words, where there is an object already.
CALLED = {
    Action.UPDATE: "updating id={}: ",
    Action.UPDATE_ID: "updating id={}: ",
    Action.RESIZE: "resizing id={}: ",
    Action.DELETE: "deleting id={}: ",
}

# The same of the first half of a recreate.
OLD = "deleting old id={}: "


class StepFailed(Exception):
    """One node could not be applied: "cannot create resources.jobs.a: …". `hint` is a way out."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message}. {hint}" if hint else message)
        self.message = message
        self.hint = hint


class Waits(StepFailed):
    """A node that refers to what is made only after a deploy, such as a model version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something to show while applying.

    `word` is Started, then one of Created, Updated, …, Adopted, Restored, Forgot, Failed,
    Skipped.
    """

    word: str
    node: Node
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of every pending node, by address."""

    plan: Plan
    outcomes: Mapping[str, Outcome]

    @property
    def failed(self) -> tuple[tuple[str, Outcome], ...]:
        """Each failed or skipped node's outcome, with a line that says what was to happen.

        Failures first: what was skipped was skipped for one of them.
        """
        found = []
        outcomes = sorted(self.outcomes.items(), key=lambda item: (item[1].error is None, item[0]))
        for address, outcome in outcomes:
            if outcome.error is not None:
                found.append((str(outcome.error), outcome))
            elif outcome.blocked_by is not None:
                verb = VERBS[self.plan.nodes[address].action]
                why = f"dependency failed: {outcome.blocked_by}"
                found.append((f"cannot {verb} {address}: {why}", outcome))
        return tuple(found)

    @property
    def failures(self) -> tuple[str, ...]:
        """One line per failed or skipped node."""
        return tuple(line for line, _ in self.failed)

    @property
    def waiting(self) -> tuple[str, ...]:
        """The nodes that wait for what is made after a deploy, if nothing else failed."""
        errors = {a: o.error for a, o in self.outcomes.items() if o.error is not None}
        is_all = all(isinstance(error, Waits) for error in errors.values())
        return tuple(sorted(errors)) if is_all else ()

    def count(self, *actions: Action) -> int:
        """How many nodes with these actions succeeded."""
        return sum(
            1
            for address, outcome in self.outcomes.items()
            if outcome.is_done and self.plan.nodes[address].action in actions
        )


def edges(plan: Plan, recorded: State) -> Mapping[str, frozenset[str]]:
    """What each pending node waits for: those it refers to, and that what referred to it is gone.

    A delete waits for whatever referred to it.
    """
    pending = {node.address: node for node in plan.pending}
    needs: dict[str, set[str]] = {address: set() for address in pending}
    for address, node in pending.items():
        if node.action is not Action.DELETE:
            needs[address] |= {d.node for d in node.depends_on if d.node in pending}
    for address, entry in recorded.entries.items():
        for dependency in entry.depends_on:
            target = pending.get(dependency.node)
            if target is None or address not in pending:
                continue
            if Action.DELETE in (target.action, pending[address].action):
                needs[dependency.node].add(address)
    freed = {
        (n.address.split(".")[1], n.id): n.address
        for n in pending.values()
        if n.action is Action.DELETE
    }
    for address, node in pending.items():
        holder = freed.get((address.split(".")[1], _name_of(node)))
        if node.action is Action.CREATE and holder is not None:
            needs[address].add(holder)
    return {address: frozenset(names) for address, names in needs.items()}


def apply(
    plan: Plan,
    recorded: State,
    journal: Journal,
    caller: Caller,
    *,
    user: str = "",
    progress: Callable[[Event], None] = lambda _: None,
) -> Applied:
    """Apply every pending node, as `user`; failures are in the result, not raised."""
    applier = _Applier(plan=plan, journal=journal, caller=caller, user=user, progress=progress)
    # No cap where another waits for it: that one would fail.
    patient = replace(applier, caller=replace(caller, max_wait_s=None))
    needed = {
        dependency.node
        for node in plan.pending
        if node.action is not Action.DELETE
        for dependency in node.depends_on
        if dependency.node != node.parent
    }
    outcomes = run_graph(
        edges(plan, recorded),
        lambda address: (patient if address in needed else applier).step(address),
    )
    for address, outcome in outcomes.items():
        if outcome.blocked_by is not None:
            detail = f"{outcome.blocked_by} failed"
            progress(Event(word="Skipped", node=plan.nodes[address], detail=detail))
    return Applied(plan=plan, outcomes=outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Applier:
    plan: Plan
    journal: Journal
    caller: Caller
    user: str
    progress: Callable[[Event], None]
    _read: dict[str, Actual] = field(default_factory=dict)

    def step(self, address: str) -> None:
        node = self.plan.nodes[address]
        kind, access = declaration(address)
        self.progress(Event(word="Started", node=node))
        try:
            if access is not None:
                self._apply_access(node, kind, access)
                word = DONE[node.action]
            else:
                word = self._apply_resource(node, kind)
        except (Ambiguous, ApiFailure, NotReady, Unreachable, Unresolved) as failure:
            doing = CALLED.get(node.action, "").format(node.id) if access is None else ""
            doing = "".join(getattr(failure, "__notes__", (doing,)))
            said = failure.call if isinstance(failure, Unreachable) else failure
            message = f"cannot {VERBS[node.action]} {address}: {doing}{said}"
            kind_of_failure = Waits if _waits(failure, node) else StepFailed
            failed = kind_of_failure(message, _hint(failure, node))
            self.progress(Event(word="Failed", node=node, detail=str(failed).partition(": ")[2]))
            raise failed from failure
        except Exception as failure:
            self.progress(Event(word="Failed", node=node, detail=str(failure)))
            raise
        self.progress(Event(word=word, node=node))

    def _apply_resource(self, node: Node, kind: ResourceType) -> str:
        recorded = self._recorded(node.address)
        if node.action is Action.DELETE:
            return self._delete(node, kind, recorded)
        desired = self._value(node)
        if node.action is Action.CREATE:
            return self._create(node, kind, desired)
        if node.action is Action.RECREATE:
            try:
                self.caller.delete(kind, node.id, recorded)
            except (ApiFailure, Unreachable) as failure:
                failure.add_note(OLD.format(node.id))
                raise
            self.journal.record(node.address, None)
            self._create(node, kind, desired)
        elif node.action is Action.UPDATE_ID:
            new_id = self.caller.rename(kind, node.id, desired, recorded)
            self._record(node, new_id, desired)
            self._settle(kind, new_id)
        elif node.action is Action.RESIZE and kind.resize is not None:
            self.caller.resize(kind, node.id, desired, recorded)
            self._record(node, node.id, desired)
        else:
            self._update(node, kind, desired, recorded)
        return DONE[node.action]

    def _delete(self, node: Node, kind: ResourceType, recorded: Json) -> str:
        """Delete and forget; what the caller may not delete is forgotten with a warning.

        As the official engine does: some services answer 403 for what is gone, and who takes a
        resource out of the bundle that they may not touch wants to be rid of it.
        """
        word = DONE[Action.DELETE]
        if not node.is_gone:
            try:
                self.caller.delete(kind, node.id, recorded)
            except ApiFailure as failure:
                if not failure.is_forbidden:
                    raise
                word = "Forgot"
                self.caller.warn(
                    f"Warn: destroying {node.address}: Ignoring permission error when deleting"
                    f" {node.address} id={node.id}: {failure.message}"
                )
        self.journal.record(node.address, None)
        return word

    def _update(self, node: Node, kind: ResourceType, desired: Json, recorded: Json) -> None:
        changed = frozenset(p for p, c in node.changes.items() if c.action > Action.SKIP)
        answer = self.caller.update(kind, node.id, desired, recorded, changed)
        desired = _learning(kind, desired, answer)
        self._record(node, node.id, desired)
        self.caller.follow(kind, node.id, desired)
        self._settle(kind, node.id)
        if kind.power is not None:
            is_edited = any(not path.startswith("lifecycle") for path in changed)
            was_on = ((node.remote or {}).get("lifecycle") or {}).get("started")
            self.caller.switch(kind, node.id, desired, was_on=was_on, is_edited=is_edited)

    def _settle(self, kind: ResourceType, id: str) -> None:
        if kind.wait_after_update:
            self.caller.wait(kind.wait, id)

    def _create(self, node: Node, kind: ResourceType, desired: Json) -> str:
        maker = self.journal.in_doubt.get(node.address)
        if maker is not None:
            found = find_made(self.caller, kind, desired, maker, self.journal.state)
            if found is not None:
                self._adopt(node, kind, found, desired)
                return "Adopted"
        self.journal.doubt(node.address, self.user)
        try:
            token = self.journal.tokens.get(node.address, "")
            new_id, answer = self.caller.create(kind, desired, token=token)
        except ApiFailure as failure:
            revived = None
            if failure.is_conflict and node.action is Action.CREATE:
                revived = revive(self.caller.workspace, kind, desired)  # may be in doubt in turn
            if revived is None:
                if not failure.is_in_doubt and failure.method != "GET":  # else it went through
                    self.journal.refused(node.address)
                raise
            self._adopt(node, kind, revived, desired)
            return "Restored"
        desired = _learning(kind, desired, answer)
        self._record(node, new_id, desired)
        self.caller.follow(kind, new_id, desired)
        self._tell(node, kind, new_id, is_ready=False)
        self.caller.wait(kind.wait, new_id)
        self._tell(node, kind, new_id, is_ready=True)
        if kind.power is not None:
            was_on = kind.power.starts_when_made
            self.caller.switch(kind, new_id, desired, was_on=was_on, is_edited=False)
        return DONE[Action.CREATE]

    def _tell(self, node: Node, kind: ResourceType, id: str, *, is_ready: bool) -> None:
        """Say what the type has to say of a resource that takes its time."""
        found = self.caller.read(kind, id) if kind.tells is not None else None
        if found is not None and kind.tells is not None:
            said = kind.tells(found.whole, is_ready)
            self.caller.warn(f"Output from {node.label}: id={id}: {said}")

    def _adopt(self, node: Node, kind: ResourceType, id: str, desired: Json) -> None:
        """Take over what a killed deploy has made, and make it as desired."""
        self._record(node, id, desired)
        self.caller.wait(kind.wait, id)
        found = self.caller.read(kind, id)
        if found is None:
            return
        if kind.learned is not None:
            self._record(node, id, _learning(kind, desired, found.whole))
        changes = changes_of(kind, Entry(id=id, state=desired), desired, found)
        if worst(changes) is Action.SKIP or not kind.update:
            return
        changed = frozenset(path for path, c in changes.items() if c.action > Action.SKIP)
        answer = self.caller.update(kind, id, desired, desired, changed)
        if kind.learned is not None:
            self._record(node, id, _learning(kind, desired, answer))
        self.caller.follow(kind, id, desired)
        self._settle(kind, id)

    def _apply_access(self, node: Node, kind: ResourceType, access: AccessType) -> None:
        if node.action is Action.DELETE:
            self.journal.record(node.address, None)
            return
        parent = ".".join(node.address.split(".")[:3])
        parent_id = self.journal.state.entries[parent].id
        whole = self._whole(parent).whole if kind.permissions_id and access.key != "grants" else {}
        id = access.id(kind, parent_id, whole)
        entries = list(self._value(node) or [])
        self.caller.write_access(access, id, entries)
        entry = Entry(id=id, state=access.state(id, entries), depends_on=node.depends_on)
        self.journal.record(node.address, entry if entries else None)

    def _value(self, node: Node) -> Any:
        """The node's configuration with every reference in place."""
        value = without_unset(node.value, substitute(node.value, self._resolve))
        missing = next(places(value), None)
        if missing is not None:
            raise Unresolved(f"{missing[0]}: {missing[1]} has no value")
        return value

    def _resolve(self, reference: Reference) -> Any:
        entries = self.journal.state.entries
        return recorded_value(reference, entries, lambda address: self._whole(address).whole)

    def _whole(self, address: str) -> Actual:
        if address not in self._read:
            kind, _ = declaration(address)
            found = self.caller.read(kind, self.journal.state.entries[address].id)
            if found is None:
                raise Unresolved(f"{address} is not there")
            self._read[address] = found
        return self._read[address]

    def _record(self, node: Node, id: str, desired: Json) -> None:
        kind, _ = declaration(node.address)
        self._read.pop(node.address, None)
        recorded = self.journal.state.entries.get(node.address)
        before = recorded.state if recorded is not None else None
        kept = {name: item for name, item in desired.items() if name not in kind.unrecorded}
        state = for_the_record(kept, before, kind.secrets)
        entry = Entry(id=id, state=state, depends_on=node.depends_on)
        self.journal.record(node.address, entry)

    def _recorded(self, address: str) -> Json:
        entry = self.journal.state.entries.get(address)
        return dict(entry.state) if entry is not None else {}


def _learning(kind: ResourceType, desired: Json, answer: Json) -> Json:
    """What is recorded, with what only the service's answer tells (an etag)."""
    return desired if kind.learned is None else desired | kind.learned(answer)


def _name_of(node: Node, unknown: str = "\0") -> str:
    """The id a creation will have, for types whose name is their id; else something no id is."""
    kind = TYPES.get(node.address.split(".")[1])
    if kind is None or not isinstance(node.value, Mapping) or node.value.get("name") is None:
        return unknown
    names = [node.value.get(part) for part in ("catalog_name", "schema_name", "name")]
    return ".".join(str(name) for name in names if name)


def _hint(failure: Exception, node: Node) -> str:
    if isinstance(failure, Unreachable):
        return failure.way_out
    if isinstance(failure, ApiFailure) and failure.is_conflict and node.action is Action.CREATE:
        key = node.label.split(".")[1]
        return (
            "This bundle has no record of making it. To manage the one that exists:"
            f" `brickyard bundle deployment bind {key} {_name_of(node, 'ID')}`; else give yours"
            " another name"
        )
    return declaration(node.address)[0].waits_for if _waits(failure, node) else ""


def _waits(failure: Exception, node: Node) -> bool:
    """Whether the service misses something that the resource refers to and a deploy cannot make."""
    kind, access = declaration(node.address)
    if not kind.waits_for or access is not None or not isinstance(failure, ApiFailure):
        return False
    return failure.is_missing and failure.method in ("POST", "PUT")
