"""The graph, analysed: what each flow reads, of what kind each dataset is, in which order to run.

A flow is planned by calling its query while every dataset of the pipeline stands for its own
query: nothing is read or written, but the engine checks that names, columns and types fit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from brickyard.runtime.pipelines.evaluation import Evaluation
from brickyard.runtime.pipelines.graph import (
    MATERIALIZED_VIEW,
    STREAMING_TABLE,
    TABLE,
    Dataset,
    Flow,
    Graph,
    PipelineFault,
)
from brickyard.runtime.pipelines.reads import Reads, require_frame
from brickyard.runtime.pipelines.writes import conformed, empty


class UpstreamFailed(Exception):
    """A dataset that this flow reads could not be planned."""


class Planner:
    def __init__(self, graph: Graph, session: Callable[[], Any]) -> None:
        self._graph = graph
        self._session = session
        self.reads: Reads  # given once it is made: each needs the other
        self.evaluations: dict[str, Evaluation] = {}  # by flow
        self.failures: dict[str, BaseException] = {}  # by flow
        self._frames: dict[str, Any] = {}  # by dataset
        self._underway: list[str] = []

    def plan(self) -> None:
        """Plan every flow. What fails is kept in `failures`, by flow."""
        for flow in self._graph.flows:
            target = self._graph.datasets.get(flow.target)
            if target is None:
                self.failures[flow.name] = PipelineFault(
                    f"The flow '{flow.name}' writes to '{flow.target}', which is not declared."
                )
        for dataset in list(self._graph.datasets.values()):
            try:
                self.frame(dataset)
            except Exception:
                continue  # noted with its flow

    def frame(self, dataset: Dataset) -> Any:
        """The dataset by its query. Raises UpstreamFailed when that cannot be planned."""
        if dataset.key in self._frames:
            return self._frames[dataset.key]
        if dataset.key in self._underway:
            circle = " -> ".join((*self._underway, dataset.key))
            raise PipelineFault(f"Datasets of the pipeline read each other in a circle: {circle}.")
        self._underway.append(dataset.key)
        try:
            frame = self._of_flows(dataset)
        finally:
            self._underway.pop()
        self._frames[dataset.key] = frame
        return frame

    def _of_flows(self, dataset: Dataset) -> Any:
        flows = self._graph.flows_of(dataset.key)
        if not flows:
            return empty(self._session(), dataset)
        frames = [self._of_flow(flow, dataset) for flow in flows if flow.name not in self.failures]
        if not frames or any(flow.name in self.failures for flow in flows):
            raise UpstreamFailed(dataset.key)
        return frames[0]

    def _of_flow(self, flow: Flow, dataset: Dataset) -> Any:
        evaluation = Evaluation(flow=flow, before={}, plans=True)
        self.evaluations[flow.name] = evaluation
        try:
            with self.reads.during(evaluation):
                frame = self._call(flow, dataset)
            if not dataset.is_view:
                self._decide(dataset, flow, evaluation)
                frame = conformed(dataset, frame)
            _ = frame.schema  # the engine analyses the query here
            return frame
        except Exception as fault:
            self.failures[flow.name] = fault
            return None

    def _call(self, flow: Flow, dataset: Dataset) -> Any:
        if flow.cdc is not None:
            from brickyard.runtime.pipelines.cdc import applied

            return applied(self.reads.read(flow.cdc.source, stream=True), flow.cdc)
        assert flow.query is not None
        frame = flow.query()
        require_frame(frame, dataset.key)
        return frame

    def _decide(self, dataset: Dataset, flow: Flow, evaluation: Evaluation) -> None:
        """Whether a table is a materialized view or a streaming table; and that it may be."""
        if dataset.kind == TABLE:
            streams = evaluation.is_streaming
            dataset.kind = STREAMING_TABLE if streams else MATERIALIZED_VIEW
        elif dataset.kind == STREAMING_TABLE and not evaluation.is_streaming and not flow.once:
            raise PipelineFault(
                f"'{dataset.key}' is a streaming table, but its query reads no stream: read one "
                "with STREAM(…) or spark.readStream, or make it a materialized view."
            )
        elif dataset.kind == MATERIALIZED_VIEW and evaluation.is_streaming:
            raise PipelineFault(
                f"'{dataset.key}' is a materialized view, but its query reads a stream: read "
                "without STREAM or spark.read, or make it a streaming table."
            )

    def order(self) -> list[Dataset]:
        """The tables, each after those it reads; in the order of declaration otherwise."""
        done: dict[str, Dataset] = {}

        def visit(dataset: Dataset) -> None:
            if dataset.key in done or dataset.is_view:
                return
            for flow in self._graph.flows_of(dataset.key):
                evaluation = self.evaluations.get(flow.name)
                for key in evaluation.depends_on if evaluation else ():
                    if key != dataset.key and key not in visiting:
                        visiting.add(key)
                        visit(self._graph.datasets[key])
            done[dataset.key] = dataset

        visiting: set[str] = set()
        for one in self._graph.datasets.values():
            visit(one)
        return list(done.values())
