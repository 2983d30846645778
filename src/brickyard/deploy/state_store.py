"""Where states live: `resources.json` beside the bundle and in the workspace's state folder.

Rules of the official CLI: the highest serial of one lineage wins, the local copy at equal serials;
two lineages are an error. Three departures, each because users lose time otherwise: an empty local
state never conflicts, the serial is checked again at the push, and an embedded workspace is
believed over the local copy, because it can be reset and then forgets everything.
"""

from __future__ import annotations

import json
import os
import tempfile
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brickyard.deploy.http import ApiFailure
from brickyard.deploy.journal import Journal, keep_damaged, open_journal, replay
from brickyard.deploy.remote_files import RemoteFiles
from brickyard.deploy.state import BadState, State, go_json, read_state, write_state
from brickyard.resources import TYPES

NAME = "resources.json"
INTENTS = "intents.json"
TERRAFORM = "terraform.tfstate"


class NotRead(Exception):
    """The state in the workspace could not be read; the refusal is the cause."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """The winning state, and the creates an interrupted deploy may have made without a record.

    `unsure` are their addresses, each with the user who sent it; `tokens` what those of them are
    known by that a service does once per token.
    """

    state: State
    remote: State | None
    unsure: Mapping[str, str] = field(default_factory=dict)
    has_intents: bool = False
    tokens: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_ahead(self) -> bool:
        """True when a deploy ended between writing its state here and pushing it."""
        if not self.state.lineage:
            return False
        return self.remote is None or self.remote.serial < self.state.serial


@dataclass(frozen=True, slots=True, kw_only=True)
class StateStore:
    """`folder` is local, `remote_folder` absolute in the workspace."""

    folder: Path
    remote_folder: str
    files: RemoteFiles
    trusts_remote: bool = False

    @property
    def path(self) -> Path:
        return self.folder / NAME

    @property
    def journal_path(self) -> Path:
        return self.folder / f"{NAME}.wal"

    def pull(self) -> Pulled:
        """Read both copies and the left-over log. Writes nothing.

        Raises `NotRead`, `BadState`.
        """
        try:
            remote = self._remote()
        except ApiFailure as failure:
            raise NotRead(f"reading {NAME}: opening: {failure}") from failure
        intents = self._intents()
        local = self._local()
        if local is not None and self.trusts_remote and not _belongs(local, remote, intents):
            local = None
        winner = self._winner(local, remote)
        if not winner.lineage and not intents and self.has_terraform_state():
            raise BadState(
                "this bundle was deployed with the Terraform engine, whose state is not read here:"
                " convert it once with the official CLI, `databricks bundle deployment migrate`"
                " and `databricks bundle deploy`, then go on"
            )
        if not winner.lineage and intents:
            winner = State(lineage=str(intents["lineage"]), serial=int(intents["serial"]) - 1)
        started = bool(intents) and intents.get("lineage") == winner.lineage
        fits = started and int(intents.get("serial", 0)) in (winner.serial, winner.serial + 1)
        noted = intents.get("creates") if fits else None
        unsure = {
            address: str(user)
            for address, user in (noted.items() if isinstance(noted, dict) else ())
            if address not in winner.entries
        }
        known = intents.get("tokens")
        tokens = {
            address: str(token)
            for address, token in (known.items() if isinstance(known, dict) else ())
            if address in unsure
        }
        return Pulled(winner, remote, unsure, bool(intents), tokens)

    def has_terraform_state(self) -> bool:
        """Whether Terraform's state lies where its engine kept it, here or in the workspace."""
        if (self.folder / "terraform" / TERRAFORM).exists():
            return True
        return self.files.status(f"{self.remote_folder}/{TERRAFORM}") is not None

    def adopt(self, state: State, say: Callable[[str], None] = lambda _: None) -> None:
        """Make `state` the local copy and forget the log it came from, but for damaged lines."""
        keep_damaged(self.journal_path, say)
        if state.lineage:
            self.write_local(state)
        self.journal_path.unlink(missing_ok=True)

    def begin(self, pulled: Pulled, creates: Mapping[str, str]) -> Journal:
        """Open the log; tell the workspace first which objects are about to be made, by whom.

        What an earlier deploy left in doubt stays so until it is recorded or refused. What only
        its log here knows is in the workspace before the note that speaks of it goes.
        """
        self.journal_path.unlink(missing_ok=True)
        journal = open_journal(self.journal_path, pulled.state)
        if pulled.is_ahead and pulled.has_intents:
            self.push(pulled.state, pulled.state)
            journal.has_caught_up = True
        journal.in_doubt.update(pulled.unsure)
        journal.is_noted = pulled.has_intents
        tokens = {a: uuid.uuid4().hex for a in creates if TYPES[a.split(".")[1]].token}
        journal.tokens = {**tokens, **pulled.tokens}
        self._note(journal, {**pulled.unsure, **creates})
        return journal

    def finish(self, journal: Journal, pulled: Pulled) -> State:
        """Write the state locally, push it, drop log and intents, in that order.

        The intents of creates that are still in doubt are kept.
        """
        journal.close()
        state = journal.state if journal.is_changed else pulled.state
        if journal.is_changed:
            self.write_local(state)
        if journal.is_changed or (pulled.is_ahead and not journal.has_caught_up):
            self.push(state, pulled.state)
        self.journal_path.unlink(missing_ok=True)
        self._note(journal, journal.in_doubt)
        return state

    def _note(self, journal: Journal, creates: Mapping[str, str]) -> None:
        """Leave word in the workspace of these creates; none: take it away."""
        path = f"{self.remote_folder}/{INTENTS}"
        if not creates and journal.is_noted:
            self.files.delete(path)
        if creates:
            tokens = {a: token for a, token in sorted(journal.tokens.items()) if a in creates}
            note = {
                "lineage": journal.state.lineage,
                "serial": journal.state.serial,
                "creates": dict(sorted(creates.items())),
                **({"tokens": tokens} if tokens else {}),
            }
            self.files.write(path, go_json(note, indent=1).encode())
        journal.is_noted = bool(creates)

    def push(self, state: State, before: State) -> None:
        """Replace the remote copy, unless somebody else did since we pulled."""
        remote = self._remote()
        if remote is not None and (
            (before.lineage and remote.lineage != before.lineage) or remote.serial >= state.serial
        ):
            raise BadState(
                f"the state in the workspace changed during this deploy (serial {remote.serial},"
                f" ours {state.serial}): somebody deployed past the lock. Ours is kept in"
                f" {self.path}; compare the two, delete the wrong one, deploy again"
            )
        self.files.write(f"{self.remote_folder}/{NAME}", write_state(state))

    def write_local(self, state: State) -> None:
        write_atomically(self.path, write_state(state))

    def forget_local(self, *names: str) -> None:
        """After a destroy: the log goes, and these files. The state stays, and is empty by now."""
        for path in (self.journal_path, *(self.folder / name for name in names)):
            path.unlink(missing_ok=True)

    def _winner(self, local: State | None, remote: State | None) -> State:
        if local is None or remote is None:
            return local or remote or State()
        if local.lineage != remote.lineage:
            if not local.entries:
                return remote
            raise BadState(
                "lineage mismatch in state files\n\nAvailable state files:\n"
                f"- {NAME}: {_described('remote', remote)}\n"
                f"- {self.path}: {_described('local', local)}"
            )
        return remote if remote.serial > local.serial else local

    def _local(self) -> State | None:
        try:
            recorded = read_state(self.path.read_bytes(), str(self.path))
        except FileNotFoundError:
            recorded = State()
        known = replay(self.journal_path, recorded)
        return known if known.lineage else None

    def _remote(self) -> State | None:
        path = f"{self.remote_folder}/{NAME}"
        content = self.files.read(path)
        return None if content is None else read_state(content, path)

    def _intents(self) -> Mapping[str, Any]:
        try:
            content = self.files.read(f"{self.remote_folder}/{INTENTS}")
            data = json.loads(content) if content else {}
        except (ValueError, ApiFailure):
            return {}
        return data if isinstance(data, dict) else {}


def _described(where: str, state: State) -> str:
    return f'{where} direct state serial={state.serial} lineage="{state.lineage}"'


def _belongs(local: State, remote: State | None, intents: Mapping[str, Any]) -> bool:
    """False when the workspace has never heard of the local state: it was reset since."""
    known = {remote.lineage if remote else "", str(intents.get("lineage", ""))}
    return local.lineage in known


def write_atomically(path: Path, content: bytes) -> None:
    """Readers see the old file or the new one, also after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
