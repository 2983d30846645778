"""An update: plan the graph, then bring its tables up to date, one flow after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from brickyard.runtime.pipelines import delta_log
from brickyard.runtime.pipelines.evaluation import Evaluation, keeps_state
from brickyard.runtime.pipelines.graph import (
    STREAMING_TABLE,
    VIEW,
    Dataset,
    Flow,
    Graph,
    PipelineFault,
)
from brickyard.runtime.pipelines.journal import Journal
from brickyard.runtime.pipelines.planning import Planner, UpstreamFailed
from brickyard.runtime.pipelines.reads import Reads, require_frame
from brickyard.runtime.pipelines.state import State
from brickyard.runtime.pipelines.writes import Checked, Writes, checked, conformed, empty


class UpdateFailed(Exception):
    """Flows failed; each has told why in an event of its own."""


class Update:
    """`asked` is the request: full_refresh, the selections, validate_only."""

    def __init__(
        self,
        graph: Graph,
        planner: Planner,
        reads: Reads,
        writes: Writes,
        state: State,
        journal: Journal,
        asked: Mapping[str, Any],
    ) -> None:
        self._graph = graph
        self._planner = planner
        self._reads = reads
        self._writes = writes
        self._state = state
        self._journal = journal
        self._asked = asked
        self._failed: set[str] = set()  # datasets

    def run(self) -> None:
        """Raises UpdateFailed when a flow failed, PipelineFault for a bad request."""
        self._planner.plan()
        self._tell_graph()
        if self._planner.failures:
            raise self._failure()
        if self._asked["validate_only"]:
            return
        self._state.settle()
        order = self._planner.order()
        chosen = self._chosen(order)
        self._journal.state("RUNNING")
        for dataset in order:
            if dataset.key in chosen:
                self._dataset(dataset)
        if self._failed:
            raise self._failure()

    def _tell_graph(self) -> None:
        for dataset in self._graph.datasets.values():
            kind = dataset.kind
            origin = {"dataset_name": dataset.key}
            details = {"dataset_type": kind, "num_flows": len(self._graph.flows_of(dataset.key))}
            if dataset.schema is not None:
                details["schema"] = str(dataset.schema)
            message = f"Dataset '{dataset.key}' defined as {kind}."
            self._journal.event("dataset_definition", message, origin=origin, details=details)
        for flow in self._graph.flows:
            self._tell_flow(flow)
        for name, fault in self._planner.failures.items():
            flow = next(one for one in self._graph.flows if one.name == name)
            if isinstance(fault, UpstreamFailed):
                reason = f" because upstream dataset '{fault}' failed."
                self._journal.flow(name, flow.target, "SKIPPED", level="WARN", reason=reason)
            else:
                self._journal.flow(name, flow.target, "FAILED", error=fault)

    def _tell_flow(self, flow: Flow) -> None:
        dataset = self._graph.datasets.get(flow.target)
        evaluation = self._planner.evaluations.get(flow.name)
        if dataset is None or evaluation is None:
            return
        kind = "VIEW" if dataset.kind == VIEW else "COMPLETE"
        if dataset.kind == STREAMING_TABLE:
            kind = "CHANGE" if flow.cdc else "APPEND"
        read = sorted(evaluation.depends_on)
        self._journal.event(
            "flow_definition",
            f"Flow '{flow.name}' defined as {kind}.",
            origin={"flow_name": flow.name, "dataset_name": flow.target},
            details={
                "flow_type": kind,
                "output_dataset": flow.target,
                "input_datasets": [{"name": one} for one in read],
            },
        )

    def _chosen(self, order: Sequence[Dataset]) -> set[str]:
        """The tables to update; those of a full refresh have forgotten what they read."""
        full = self._named(self._asked["full_refresh_selection"], order)
        some = self._named(self._asked["refresh_selection"], order)
        everything = {one.key for one in order}
        if self._asked["full_refresh"]:
            full = everything
        for key in full:
            dataset = self._graph.datasets[key]
            if dataset.properties.get("pipelines.reset.allowed", "true").lower() == "false":
                continue
            for flow in self._graph.flows_of(key):
                self._state.reset(flow.name)
        return (full | some) or everything

    def _named(self, names: Sequence[str], order: Sequence[Dataset]) -> set[str]:
        found = set()
        for name in names:
            dataset = self._graph.find(name, self._graph.defaults)
            if dataset is None or dataset.is_view:
                known = ", ".join(one.key for one in order)
                raise PipelineFault(
                    f"The pipeline has no table '{name}' to refresh; it has {known}."
                )
            found.add(dataset.key)
        return found

    def _dataset(self, dataset: Dataset) -> None:
        flows = self._graph.flows_of(dataset.key)
        upstream = [
            key
            for flow in flows
            for key in self._planner.evaluations[flow.name].depends_on
            if key in self._failed
        ]
        if upstream:
            self._failed.add(dataset.key)
            reason = f" because upstream dataset '{upstream[0]}' failed."
            for flow in flows:
                self._journal.flow(flow.name, dataset.key, "SKIPPED", level="WARN", reason=reason)
            return
        try:
            if not flows and self._writes.table(dataset) is None:
                frame = empty(self._reads.session(), dataset)
                self._writes.replace(dataset, dataset.kind, frame)
                self._state.made(dataset.key, dataset.kind)
        except Exception as fault:
            self._failed.add(dataset.key)
            self._journal.flow(dataset.key, dataset.key, "FAILED", error=fault)
            return
        for flow in flows:
            self._flow(flow, dataset)

    def _flow(self, flow: Flow, dataset: Dataset) -> None:
        tell = self._journal.flow
        tell(flow.name, dataset.key, "STARTING")
        try:
            tell(flow.name, dataset.key, "RUNNING")
            rows, quality = self._bring_up(flow, dataset)
        except Exception as fault:
            self._failed.add(dataset.key)
            tell(flow.name, dataset.key, "FAILED", error=fault)
            return
        metrics = {"num_output_rows": rows} if rows is not None else None
        tell(flow.name, dataset.key, "COMPLETED", metrics=metrics, quality=quality)

    def _bring_up(
        self, flow: Flow, dataset: Dataset
    ) -> tuple[int | None, Mapping[str, Any] | None]:
        """Write what is new of a flow: rows written, and what the expectations counted."""
        table = self._writes.table(dataset)
        siblings = self._graph.flows_of(dataset.key)
        is_stream = dataset.kind == STREAMING_TABLE
        fresh = table is None or not any(self._state.progress(one.name) for one in siblings)
        if fresh:
            for one in siblings:
                self._state.reset(one.name)
        if not is_stream:
            self._state.reset(flow.name)  # it may have been a stream once
        before = self._state.progress(flow.name) if is_stream else {}
        if is_stream and flow.once and before:
            return 0, None
        evaluation, frame = self._evaluated(flow, before)
        whole = flow.cdc is not None or (is_stream and keeps_state(frame, evaluation))
        if whole and len(siblings) > 1:
            raise PipelineFault(
                f"Flow '{flow.name}' aggregates, joins or sorts a stream: in the embedded "
                f"workspace it must be the only flow of '{dataset.key}'."
            )
        if is_stream and not evaluation.has_new and not flow.once and not fresh:
            return 0, None
        if whole:
            evaluation, frame = self._evaluated(flow, before, takes_all=True)
        result = self._checked(flow, dataset, frame)
        version = delta_log.version_of(table) if table is not None else -1
        if is_stream and table is not None:
            self._state.begin(flow.name, evaluation.progress(), table, version)
        if fresh or whole or not is_stream:
            self._writes.replace(dataset, dataset.kind, result.frame)
        else:
            self._writes.append(dataset, result.frame)
        self._state.made(dataset.key, dataset.kind)
        if is_stream:
            self._state.done(flow.name, evaluation.progress())
        place = table if table is not None else self._reads.location(dataset.key)
        return delta_log.rows_written(place, version) if place else None, result.quality

    def _evaluated(
        self, flow: Flow, before: Mapping[str, Any], *, takes_all: bool = False
    ) -> tuple[Evaluation, Any]:
        evaluation = Evaluation(flow=flow, before=before, plans=False, takes_all=takes_all)
        conf = self._reads.session().conf
        for name, value in flow.conf.items():
            conf.set(name, value)
        with self._reads.during(evaluation):
            if flow.cdc is not None:
                from brickyard.runtime.pipelines.cdc import applied

                return evaluation, applied(self._reads.read(flow.cdc.source, stream=True), flow.cdc)
            assert flow.query is not None
            frame = flow.query()
        require_frame(frame, flow.name)
        return evaluation, frame

    def _checked(self, flow: Flow, dataset: Dataset, frame: Any) -> Checked:
        return checked(dataset, flow.name, conformed(dataset, frame))

    def _failure(self) -> UpdateFailed:
        failed = sorted(self._failed | set(self._planner.failures))
        return UpdateFailed(f"Failed: {', '.join(failed)}.")
