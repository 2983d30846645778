"""One attempt of a task, ready to be done, and how it is asked to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from brickyard.workspace.jobs.records import Run, TaskRun
from brickyard.workspace.jobs.references import Facts
from brickyard.workspace.jobs.states import Outcome
from brickyard.workspace.kernel import WorkspaceInfo


class Stop:
    """Asks a run, or a task of it, to end. The first reason given stays."""

    def __init__(self, parent: Stop | None = None) -> None:
        self._event = threading.Event()
        self._parent = parent
        self.reason = ""  # CANCELED | TIMEDOUT
        self._children: list[Stop] = []
        if parent is not None:
            parent._children.append(self)
            if parent.asked:
                self.ask(parent.reason)

    @property
    def asked(self) -> bool:
        return self._event.is_set()

    def ask(self, reason: str) -> None:
        self.reason = self.reason or reason
        self._event.set()
        for child in list(self._children):
            child.ask(reason)

    def wait(self, timeout_s: float) -> bool:
        return self._event.wait(timeout_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCall:
    """One attempt of a task, ready to be done: settings with references resolved."""

    run: Run
    task: Mapping[str, Any]
    kind: str
    task_run: TaskRun
    facts: Facts
    workspace: WorkspaceInfo
    run_as: str
    settings: Mapping[str, Any]  # of the job: environments, name
    task_values: Mapping[str, Mapping[str, Any]]


Perform = Callable[[TaskCall, Stop], Outcome]
