"""Every action of a rollout on the embedded workspace: done, taken up after kills, done again."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from breaking_proxy import BreakingProxy, Fault, breaking_proxy
from command_forks import CommandForks
from rolled_out import resources, settings, write_files
from tiny_solution import Tiny

if TYPE_CHECKING:
    from conftest import EmbeddedServer

pytestmark = [pytest.mark.belief, pytest.mark.slow]

PROMOTE = ("release", "promote", "--to", "dev")
STEPS = (
    *("make", "refresh", "sync", "search", "train"),
    *("register", "evaluate", "champion", "site", "look"),
)
# What each action asks for; the command dies when it has been done.
KILLED_AFTER = (
    "/updates",
    "/sync",
    "model-versions/create",
    "model-versions/finalize",
    "/deployments",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rolled:
    tiny: Tiny
    forks: CommandForks
    proxy: BreakingProxy
    client: Any
    environment: dict[str, str]  # of commands that reach dev through the proxy

    def data(self, *arguments: str, code: int = 0) -> Any:
        folder = self.tiny.solution.folder
        return self.forks.run(folder, self.environment, *arguments, "-o", "json", code=code).data

    def killed_at(self, line: str) -> None:
        self.proxy.arm(1, Fault.KILL_AFTER, line)
        ended = self.forks.run(self.tiny.solution.folder, self.environment, *PROMOTE, code=None)
        assert ended.code < 0, f"{line}: {ended.out}\n{ended.err}"
        self.proxy.disarm()


@pytest.fixture
def rolled(tmp_path: Path, workspace: EmbeddedServer) -> Iterator[Rolled]:
    name = f"rolled_{uuid.uuid4().hex[:6]}"
    forks = CommandForks(scratch=tmp_path)
    forks.start()
    with breaking_proxy(workspace.host("dev"), forks.kill) as proxy:
        environment = workspace.environment("dev") | {"DATABRICKS_HOST": proxy.host}
        tiny = Tiny(tmp_path / "solution", name, workspace.environment())
        write_files(tiny.solution, name)
        tiny.commit(settings(name), resources=resources(name))
        yield Rolled(
            tiny=tiny,
            forks=forks,
            proxy=proxy,
            client=workspace.client("dev"),
            environment=environment,
        )
    forks.stop()
    for target in ("dev", "staging"):
        tiny.solution("destroy", "-t", target, "--auto-approve")


def test_every_action_is_done_once_whenever_it_is_killed(
    rolled: Rolled, workspace: EmbeddedServer
) -> None:
    name, client = rolled.tiny.name, rolled.client
    for line in KILLED_AFTER:
        rolled.killed_at(line)
    record = rolled.data(*PROMOTE)
    assert [(one["step"], one["result"]) for one in record["steps"]] == [
        (step, "succeeded") for step in STEPS
    ]
    left = record["outputs"]
    assert left["search"]["rows"][0][:2] == [2, "late flights are refunded"]
    assert (left["look"]["status"], left["sync"]["rows"]) == (200, 2)
    assert record["evaluation"] == {"recall": 0.9}
    assert record["gate"] == ["holds: recall >= 0.5 (0.9)"]
    assert record["data"][f"dev.{name}.long_notes"]["version"] >= 0
    assert record["indexes"][f"dev.{name}.notes_index"]["rows"] == 2
    assert record["apps"][left["site"]["app"]]["url"] == left["site"]["url"]
    # One version, one run of each job, one record: what was done is not done again.
    (version,) = client.model_versions.list(f"dev.{name}.echo")
    assert (str(version.version), version.comment) == (
        left["register"]["version"],
        f"from {left['train']['source']}",
    )
    for job in client.jobs.list():
        if str(job.settings.name).startswith(f"{name} "):
            assert len(list(client.jobs.list_runs(job_id=job.job_id))) == 1
    assert len(rolled.data("release", "history", "-t", "dev")) == 1
    assert rolled.data(*PROMOTE)["sequence"] == 1

    by_model(rolled.tiny, workspace, left["register"]["version"])
    scores_fall(rolled.tiny, client, record["outputs"]["evaluate"]["mlflow_run_id"])
    newest_is_deleted(rolled.tiny, client)


def by_model(tiny: Tiny, workspace: EmbeddedServer, version: str) -> None:
    """The version that dev serves is copied to staging, once, and says where it comes from."""
    record = tiny.solution.data("release", "promote", "--to", "staging", "--by", "model")
    model = f"staging.{tiny.name}.echo"
    (copied,) = workspace.client("staging").model_versions.list(model)
    assert copied.comment == f"copied from dev.{tiny.name}.echo version {version}"
    origin = record["models"][model]["copied_from"]
    assert (origin["model"], origin["version"]) == (f"dev.{tiny.name}.echo", version)
    assert origin["model_id"].startswith("m-")
    assert record["models"][model]["aliases"] == {"champion": str(copied.version)}
    assert record["outputs"]["register"]["copied_from"] == origin
    statement = tiny.solution.data("release", "record", "export", "1", "-t", "staging")
    dependencies = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    uri = f"models:/{model}/{copied.version}"
    (told,) = [one for one in dependencies if one["uri"] == uri]
    assert told["annotations"]["copied_from"] == origin


def scores_fall(tiny: Tiny, client: Any, evaluated: str) -> None:
    """Drift of the evaluation is read from the runs that came after the release."""

    def drift(code: int) -> dict[str, Any]:
        found = tiny.solution.data("drift", "-t", "dev", code=code)["findings"]
        (one,) = [finding for finding in found if finding["kind"] == "evaluation"]
        return dict(one)

    def log(value: float) -> None:
        experiment = client.experiments.get_run(evaluated).run.info.experiment_id
        now_ms = int(time.time() * 1000)
        made = client.experiments.create_run(experiment_id=experiment, start_time=now_ms)
        client.experiments.log_metric("recall", value, now_ms, run_id=made.run.info.run_id)

    assert "no run since the release" in drift(1)["detail"]
    log(0.88)
    assert (drift(0)["state"], drift(0)["actual"]) == ("ok", 0.88)
    log(0.5)
    found = drift(2)
    assert (found["state"], found["recorded"], found["actual"]) == ("drift", 0.9, 0.5)


def newest_is_deleted(tiny: Tiny, client: Any) -> None:
    """No record knows the newest one; the head of the history does."""
    verify = ("release", "record", "verify", "-t", "dev")
    whole = tiny.solution.data(*verify)
    assert (whole["records"], whole["faults"]) == (1, [])
    exported = tiny.solution("release", "record", "export", "1", "-t", "dev").stdout
    kept = tiny.solution.folder.parent / "kept.json"
    kept.write_text(exported)
    assert tiny.solution.data(*verify, "--expect", str(kept))["faults"] == []
    listed = client.workspace.list(f"/Shared/{tiny.name}/dev.releases")
    (path,) = [one.path for one in listed if str(one.path).endswith(".json")]
    client.workspace.delete(path)
    found = tiny.solution.data(*verify, "--expect", whole["head"], code=1)["faults"]
    assert found[0].startswith("release 1 is missing: the head of the history knows")
    assert found[1].startswith(f"no release has the digest {whole['head']}")
