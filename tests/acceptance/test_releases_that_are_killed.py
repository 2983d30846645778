"""A release that is killed at any of its requests is finished by the next one, with one record.

What the workspace holds changes only with requests that are no reads: killed after each of these in
turn, the release has been in every state that it can be left in.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from breaking_proxy import BreakingProxy, Fault, breaking_proxy
from bundle_under_test import Ended
from command_forks import CommandForks
from tiny_solution import Tiny, make_versions, settings

if TYPE_CHECKING:
    from conftest import EmbeddedServer

pytestmark = [pytest.mark.belief, pytest.mark.slow]

PROMOTE = ("release", "promote", "--to", "dev")
ROLLBACK = ("release", "rollback", "-t", "dev")


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """The solution, its commands, and the proxy between them and the workspace."""

    tiny: Tiny
    forks: CommandForks
    proxy: BreakingProxy
    environment: dict[str, str]
    client: Any

    def __call__(self, *arguments: str, code: int | None = 0) -> Ended:
        folder = self.tiny.solution.folder
        return self.forks.run(folder, self.environment, *arguments, code=code)

    def changes(self, *arguments: str, code: int = 0) -> list[int]:
        """Run it whole; the numbers of its requests that are no reads."""
        self.proxy.disarm()
        self(*arguments, code=code)
        seen = enumerate(self.proxy.seen, start=1)
        return [at for at, line in seen if not line.startswith(("GET ", "HEAD "))]

    def aliases(self) -> tuple[int, ...]:
        get = self.client.model_versions.get_by_alias
        return tuple(get(self.tiny.model, name).version for name in ("champion", "newest"))

    def records(self) -> list[dict[str, Any]]:
        ended = self("release", "history", "-t", "dev", "-o", "json")
        found: list[dict[str, Any]] = ended.data
        assert [one["sequence"] for one in found] == list(range(1, len(found) + 1))
        digests = [one["digest"] for one in found]
        assert [one["previous"] for one in found] == ["", *digests[:-1]]
        return found


@pytest.fixture
def killed(tmp_path: Path, workspace: EmbeddedServer) -> Iterator[Killed]:
    forks = CommandForks(scratch=tmp_path)
    forks.start()
    name = f"tiny_{uuid.uuid4().hex[:8]}"
    with breaking_proxy(workspace.host("dev"), forks.kill) as proxy:
        environment = workspace.environment("dev") | {"DATABRICKS_HOST": proxy.host}
        tiny = Tiny(tmp_path / "solution", name, environment)
        client = workspace.client("dev")
        tiny.commit(settings(1))
        made = Killed(tiny=tiny, forks=forks, proxy=proxy, environment=environment, client=client)
        made("deploy")
        make_versions(client, tiny.model, 2)
        made(*PROMOTE)
        yield made
    forks.stop()


def test_a_promotion_goes_on_where_it_was_killed(killed: Killed) -> None:
    killed.tiny.commit(settings(2))
    places = killed.changes(*PROMOTE)
    assert len(places) > 8
    for turn, at in enumerate(places):
        version = 1 + turn % 2
        commit = killed.tiny.commit(settings(version))
        before = turn + 2
        killed.proxy.arm(at, Fault.KILL_AFTER)
        killed(*PROMOTE, code=None)
        where = killed.proxy.seen[at - 1 : at]
        killed.proxy.disarm()
        again = killed(*PROMOTE, code=None)
        assert again.code == 0, f"{where}\n{again.err}"
        assert killed.aliases() == (version, version), where
        (record,) = killed.records()[before:]
        assert (record["commit"], record["result"]) == (commit, "succeeded"), where
        names = [step["step"] for step in record["steps"]]
        assert names == ["check", "gate", "champion", "newest", "late"], where
        assert record["gate"] == [
            "holds: recall >= 0.5 (0.9)",
            record["gate"][1],
            record["gate"][2],
        ]
    status = killed("release", "status", "-t", "dev", "-o", "json").data
    assert (status["under_way"], status["faults"]) == (None, [])


def test_one_that_fails_puts_back_what_it_moved_wherever_it_is_killed(killed: Killed) -> None:
    killed.tiny.commit(settings(2, late=0.1))
    places = killed.changes(*PROMOTE, code=1)
    for turn, at in enumerate(places):
        commit = killed.tiny.commit(settings(2, late=0.1))
        before = turn + 2
        killed.proxy.arm(at, Fault.KILL_AFTER)
        killed(*PROMOTE, code=None)
        where = killed.proxy.seen[at - 1 : at]
        killed.proxy.disarm()
        if len(killed.records()) == before:
            again = killed(*PROMOTE, code=1)
            assert "the gate `late` is closed" in again.err, where
        assert killed.aliases() == (1, 1), where
        (record,) = killed.records()[before:]
        assert (record["commit"], record["result"]) == (commit, "gate failed"), where


def test_a_rollback_is_finished_wherever_it_is_killed(killed: Killed) -> None:
    killed.tiny.commit(settings(2))
    killed(*PROMOTE)
    places = killed.changes(*ROLLBACK)
    assert killed.aliases() == (1, 1)
    for at in places:
        record = killed(*PROMOTE, "--again", "-o", "json").data
        assert killed.aliases() == (2, 2)
        before = record["sequence"]
        killed.proxy.arm(at, Fault.KILL_AFTER)
        killed(*ROLLBACK, code=None)
        where = killed.proxy.seen[at - 1 : at]
        killed.proxy.disarm()
        again = killed(*ROLLBACK, code=None)
        assert again.code == 0, f"{where}\n{again.err}"
        assert killed.aliases() == (1, 1), where
        (record,) = killed.records()[before:]
        assert (record["kind"], record["result"]) == ("rollback", "succeeded"), where


def test_another_release_gives_up_what_was_killed(killed: Killed) -> None:
    killed.tiny.commit(settings(2))
    puts = [at for at in killed.changes(*PROMOTE) if "/aliases/newest" in killed.proxy.seen[at - 1]]
    killed.tiny.commit(settings(1))
    killed.proxy.arm(puts[0], Fault.KILL_AFTER)
    killed(*PROMOTE, code=None)
    assert killed.aliases()[0] == 1
    killed.proxy.disarm()
    killed.tiny.commit(settings(2, recall=0.1))
    refused = killed(*PROMOTE, code=1)
    assert "was broken off; what it moved is put back" in refused.err
    assert killed.aliases() == (2, 2)
    assert [one["result"] for one in killed.records()] == [
        "succeeded",
        "succeeded",
        "broken off",
        "gate failed",
    ]
