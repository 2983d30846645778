"""How each kind of task does its work: a table from kind to function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from brickyard.workspace.jobs import sources
from brickyard.workspace.jobs.calls import Stop, TaskCall
from brickyard.workspace.jobs.processes import ProcessTasks, require_readable
from brickyard.workspace.jobs.settings import RUNNABLE
from brickyard.workspace.jobs.states import Outcome
from brickyard.workspace.kernel import ApiError, Home, Principal, invalid

if TYPE_CHECKING:
    from brickyard.workspace.alerts.engine import AlertsEngine
    from brickyard.workspace.git.engine import GitEngine
    from brickyard.workspace.identity.engine import IdentityEngine
    from brickyard.workspace.pipelines.engine import PipelinesEngine
    from brickyard.workspace.queries.engine import QueriesEngine
    from brickyard.workspace.sql.engine import SqlEngine

POLL_S = 0.1
COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "GREATER_THAN": lambda left, right: left > right,
    "GREATER_THAN_OR_EQUAL": lambda left, right: left >= right,
    "LESS_THAN": lambda left, right: left < right,
    "LESS_THAN_OR_EQUAL": lambda left, right: left <= right,
}

# (call, principal) -> run id;  (workspace name, run id) -> outcome or None;  run id -> None
StartJob = Callable[[TaskCall, Principal], int]
EndOf = Callable[[str, int], Outcome | None]
Cancel = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tasks:
    identity: IdentityEngine
    home: Home
    sql: SqlEngine
    pipelines: PipelinesEngine
    alerts: AlertsEngine
    queries: QueriesEngine
    processes: ProcessTasks
    git: GitEngine
    start_job: StartJob
    end_of: EndOf
    cancel: Cancel

    def perform(self, call: TaskCall, stop: Stop) -> Outcome:
        """Do one attempt of a task as the run's identity."""
        if call.kind == "condition_task":
            return _condition(call)
        if call.kind not in RUNNABLE:
            raise invalid(
                f"{call.kind} cannot run in the embedded workspace, which runs"
                f" {', '.join(RUNNABLE)}"
            )
        principal = self.identity.principal(call.run_as, call.workspace.name)
        if call.kind == "run_job_task":
            return self._run_job(call, stop, principal)
        if call.kind == "pipeline_task":
            return self._pipeline(call, stop, principal)
        call = self._from_git(call, principal)
        if call.kind == "sql_task":
            return self._sql(call, stop, principal)
        if call.kind == "alert_task":
            return self._alert(call, principal)
        return self.processes.perform(call, stop, principal)

    def _from_git(self, call: TaskCall, principal: Principal) -> TaskCall:
        """The task with its file laid out from the job's `git_source`, where it has one."""
        source = call.settings.get("git_source")
        if not source:
            return call
        snapshots, run_id = self.git.snapshots, call.run.run_id
        task = sources.from_git(
            call.task,
            call.kind,
            lambda: snapshots.folder(principal, call.workspace, run_id, source),
        )
        return replace(call, task=task)

    def _run_job(self, call: TaskCall, stop: Stop, principal: Principal) -> Outcome:
        run_id = self.start_job(call, principal)
        fields = {"run_job_output": {"run_id": run_id}}
        while (ended := self.end_of(call.workspace.name, run_id)) is None:
            if stop.wait(POLL_S):
                self.cancel(run_id)
                return Outcome(result="CANCELED", message="Run cancelled.", fields=fields)
        if ended.ok:
            return Outcome(result="SUCCESS", fields=fields)
        message = f"Run {run_id} of the job failed: {ended.message}"
        return Outcome(result="FAILED", message=message, code=ended.code, fields=fields)

    def _pipeline(self, call: TaskCall, stop: Stop, principal: Principal) -> Outcome:
        """An update of the pipeline, to its end; the pipeline's own identity runs it."""
        body = call.task["pipeline_task"]
        pipeline_id = str(body["pipeline_id"])
        request = {**body, "cause": "JOB_TASK"}
        begun = self.pipelines.start_update(principal, call.workspace, pipeline_id, request)
        while (ended := self.pipelines.ended_as(begun)) is None:
            if stop.wait(POLL_S):
                self.pipelines.stop_update(principal, call.workspace, pipeline_id)
                return Outcome(result="CANCELED", message="Run cancelled.")
        if ended.state == "COMPLETED":
            return Outcome(result="SUCCESS")
        why = self.pipelines.failure_of(ended) or f"it ended as {ended.state}"
        message = f"Update {ended.update_id} of the pipeline failed: {why}"
        return Outcome(result="FAILED", message=message, fields={"_error": message})

    def _sql(self, call: TaskCall, stop: Stop, principal: Principal) -> Outcome:
        body = call.task["sql_task"]
        file, query = body.get("file"), body.get("query")
        if query:
            saved = self.queries.to_run(principal, call.workspace, str(query.get("query_id")))
            text, settings, values = saved.settings["query_text"], saved.settings, saved.values()
        elif file:
            text, settings, values = self._sql_file(call, principal, file), {}, {}
        else:
            asked = ", ".join(key for key in ("dashboard", "alert") if body.get(key))
            raise invalid(
                f"sql_task.{asked or 'file'}: the embedded workspace runs SQL files and saved"
                " queries; name one in sql_task.file.path or sql_task.query.query_id"
            )
        given = {**(body.get("parameters") or {}), **call.facts.parameters}
        try:
            rows = self.sql.run_script(
                principal,
                call.workspace,
                str(body["warehouse_id"]),
                text,
                {**values, **{name: str(value) for name, value in given.items()}},
                lambda: stop.asked,
                catalog=settings.get("catalog"),
                schema=settings.get("schema"),
            )
        except ApiError as fault:
            return _refused(fault)
        fields: dict[str, Any] = {"_output": {"rows": rows}}
        if query:
            fields["query_output"] = {"query_text": text, "warehouse_id": body["warehouse_id"]}
        return Outcome(result="SUCCESS", fields=fields)

    def _sql_file(self, call: TaskCall, principal: Principal, file: Mapping[str, Any]) -> str:
        found = sources.notebook(
            self.home.files_of(call.workspace.name),
            file["path"],
            file.get("source") or "WORKSPACE",
            what="SQL file",
        )
        require_readable(self.processes.code.files, principal, call.workspace, found)
        return found.real.read_text()

    def _alert(self, call: TaskCall, principal: Principal) -> Outcome:
        """Evaluate an alert; whatever its state, the task succeeds. Nobody is notified."""
        body = call.task["alert_task"]
        id, path = body.get("alert_id"), body.get("workspace_path")
        if bool(id) == bool(path):
            raise invalid("alert_task names its alert by alert_id or by workspace_path")
        try:
            state = self.alerts.evaluate(
                principal,
                call.workspace,
                id or self.alerts.id_at(call.workspace, path),
                warehouse=body.get("warehouse_id") or "",
                parameters=body.get("parameters") or {},
            )
        except ApiError as fault:
            return _refused(fault)
        return Outcome(result="SUCCESS", fields={"alert_output": {"alert_state": state}})


def _refused(fault: ApiError) -> Outcome:
    code = "UNAUTHORIZED_ERROR" if fault.code == "PERMISSION_DENIED" else ""
    return Outcome(result="FAILED", message=f"{fault.code}: {fault.message}", code=code)


def _condition(call: TaskCall) -> Outcome:
    body = call.task["condition_task"]
    left, right, operator = str(body["left"]), str(body["right"]), body["op"]
    if operator in ("EQUAL_TO", "NOT_EQUAL"):
        holds = (left == right) == (operator == "EQUAL_TO")
    else:
        holds = COMPARE[operator](_number(left, operator), _number(right, operator))
    outcome = str(holds).lower()
    return Outcome(result="SUCCESS", fields={"condition_task": {**body, "outcome": outcome}})


def _number(text: str, operator: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise invalid(
            f"condition_task: {operator} compares numbers, and {text!r} is none"
        ) from None
