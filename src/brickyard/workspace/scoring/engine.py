"""Scheduled scorers at work: every few minutes they judge a sample of an experiment's new traces,
and of its conversations that nothing was added to for a while.

What is registered is kept by `mlflow/scheduled.py`; this decides what is due and starts the process
that scores (`brickyard/runtime/scoring.py`), as the user who last changed the scorers: a custom
scorer is code, and runs with the rights and in the mount view of that user, like a task's. An
experiment is due at once when its scorers change, then at its cadence; without new traces nothing
starts.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.kernel import Document, Home, WorkspaceInfo, now_ms
from brickyard.workspace.mlflow.scheduled import active, frequency_s, sessions_ms, watermark_ms
from brickyard.workspace.processes import UnresolvedEnvironment, enforcement
from brickyard.workspace.processes.user_code import Program, shown_catalogs

if TYPE_CHECKING:
    from pathlib import Path

    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.mlflow.engine import MlflowEngine
    from brickyard.workspace.processes.mounts import Mounts
    from brickyard.workspace.processes.user_code import UserCode

LOOK_S: Final = 2.0
AT_ONCE: Final = 1  # processes: scoring is nobody's hurry, and judges share the machine's models
MODULE: Final = "brickyard.runtime.scoring"
MANAGED_JUDGE: Final = ("databricks-agents",)  # mlflow asks the managed judge through it
# MLflow's own variable, and what it is without it.
IDLE_S: Final = "MLFLOW_ONLINE_SCORING_DEFAULT_SESSION_COMPLETION_BUFFER_SECONDS"
USUAL_IDLE_S: Final = 300
NO_JUDGE: Final = frozenset({"RegexMatch", "ResponseLength", "PIIDetection"})

log = logging.getLogger("brickyard.scoring")

Key = tuple[str, str]  # workspace, experiment


@dataclass(frozen=True, slots=True)
class Seen:
    """The scorers as they were when they were last run, and when that was (monotonic)."""

    scorers: Sequence[Mapping[str, Any]]
    at: float


class ScoringEngine:
    def __init__(
        self,
        home: Home,
        workspaces: Mapping[str, WorkspaceInfo],
        *,
        identity: IdentityEngine,
        mlflow: MlflowEngine,
        code: UserCode,
    ) -> None:
        self._home = home
        self._workspaces = workspaces
        self._identity = identity
        self._mlflow = mlflow
        self._code = code
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._seen: dict[Key, Seen] = {}
        self._busy: set[Key] = set()
        self._workers = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="scoring")

    def start(self) -> None:
        threading.Thread(target=self._loop, name="scoring", daemon=True).start()

    def stop(self) -> None:
        """End what is under way; it is taken up again where it had come to."""
        self._stopping.set()
        self._workers.shutdown(wait=True, cancel_futures=True)

    def _loop(self) -> None:
        while not self._stopping.wait(LOOK_S):
            for workspace in self._workspaces.values():
                try:
                    for one in self._mlflow.scheduled.all(workspace):
                        self._look(workspace, one)
                except Exception:
                    log.exception("looking for scorers in %s failed", workspace.name)

    def _look(self, workspace: WorkspaceInfo, kept: Document) -> None:
        key = (workspace.name, kept.id)
        scorers = active(kept.body)
        with self._lock:
            seen = self._seen.get(key)
            is_due = (
                seen is None
                or seen.scorers != scorers
                or time.monotonic() - seen.at >= frequency_s(kept.body)
            )
            if not scorers or not is_due or key in self._busy:
                return
            self._seen[key] = Seen(scorers, time.monotonic())
            if not self._has_work(kept):
                return
            self._busy.add(key)
        self._workers.submit(self._score, workspace, kept)

    def _has_work(self, kept: Document) -> bool:
        """Whether there is a trace that was not looked at, or that may have ended a session."""
        newest = self._mlflow.newest_trace_ms(kept.id)
        if newest is None:
            return False
        if newest >= watermark_ms(kept.body):
            return True
        is_open = newest >= sessions_ms(kept.body) and newest + idle_ms() < now_ms()
        return is_open and any(map(_is_of_sessions, active(kept.body)))

    def _score(self, workspace: WorkspaceInfo, kept: Document) -> None:
        folder = self._home.runs / f"scoring-{workspace.name}-{kept.id}"
        try:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            said = self._run(workspace, kept, folder)
            self._mlflow.scheduled.progressed(
                workspace, kept.id, said["watermark_ms"], said["sessions_ms"]
            )
            for fault in said["faults"]:
                log.warning("experiment %s of %s: %s", kept.id, workspace.name, fault)
            counts = ", ".join(f"{said[name]} {name}" for name in ("scored", "failed"))
            log.info("experiment %s of %s: %s", kept.id, workspace.name, counts)
        except Exception as fault:
            log.warning("scoring experiment %s of %s: %s", kept.id, workspace.name, fault)
        finally:
            with self._lock:
                self._busy.discard((workspace.name, kept.id))

    def _run(self, workspace: WorkspaceInfo, kept: Document, folder: Path) -> Mapping[str, Any]:
        """Raises RuntimeError with the reason when it came to no end."""
        who = str(kept.body.get("by") or kept.creator)
        principal = self._identity.principal(who, workspace.name)
        mounts = self._code.mounts(principal, workspace)
        scorers = active(kept.body)
        program = Program(
            name=f"scoring-{workspace.name}-{kept.id}",
            title=f"scheduled scorers of experiment {kept.id}",
            module=MODULE,
            folder=folder,
            spec={
                "kind": "scoring",
                "folder": str(folder),
                "catalogs": shown_catalogs(mounts),
                "workspace": workspace.name,
                "principal": principal.user_name,
                "mapped": {} if enforcement().kind == "namespace" else mounts.path_map(),
                "scoring": {
                    "experiment_id": kept.id,
                    "scorers": scorers,
                    "since_ms": watermark_ms(kept.body),
                    "until_ms": now_ms(),
                    "sessions_since_ms": sessions_ms(kept.body),
                    "idle_ms": idle_ms(),
                },
            },
            python=self._python(scorers, mounts),
            experiment="",
            variables={},
        )
        code = self._code.run(
            program, principal, workspace, mounts, is_stopped=self._stopping.is_set
        )
        try:
            said: dict[str, Any] = json.loads((folder / "result.json").read_text())
        except (OSError, ValueError):
            raise RuntimeError(f"its process ended with status {code}") from None
        if said.get("error"):
            raise RuntimeError(said["error"])
        return said

    def _python(self, scorers: Sequence[Mapping[str, Any]], mounts: Mounts) -> Path:
        lines = MANAGED_JUDGE if any(map(_asks_managed_judge, scorers)) else ()
        try:
            return self._code.environments.environment(lines, shows=mounts.shows)
        except UnresolvedEnvironment as fault:
            # Those scorers leave the reason on each trace; the others work.
            log.warning("no environment with %s: %s", ", ".join(lines), fault)
            return self._code.environments.environment(())


def idle_ms() -> int:
    """After how long without a new trace a session is taken as over."""
    told = os.environ.get(IDLE_S, "")
    return 1000 * (int(told) if told.isdecimal() else USUAL_IDLE_S)


def _is_of_sessions(scorer: Mapping[str, Any]) -> bool:
    return _serialized(scorer).get("is_session_level_scorer") is True


def _asks_managed_judge(scorer: Mapping[str, Any]) -> bool:
    """Whether a scorer names no model of its own to judge with."""
    told = _serialized(scorer)
    if (kind := told.get("builtin_scorer_class")) and kind not in NO_JUDGE:
        data = told.get("builtin_scorer_pydantic_data")
    else:
        data = told.get("instructions_judge_pydantic_data")
    return isinstance(data, dict) and data.get("model") in (None, "databricks")


def _serialized(scorer: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        told = json.loads(str(scorer.get("serialized_scorer") or "{}"))
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
