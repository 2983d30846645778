"""A record as an in-toto statement: the members that the two specifications ask for."""

from __future__ import annotations

import pytest

from brickyard.release.provenance import statement
from brickyard.release.records import ReleaseRecord

RELEASED = ReleaseRecord(
    kind="promote",
    environment="prod",
    target="prod",
    host="http://127.0.0.1",
    bundle="b",
    commit="c0ffee",
    author="",
    subject="",
    who="deployer",
    started="2026-01-01T00:00:00.000Z",
    sequence=3,
    digest="a" * 64,
    ended="2026-01-01T00:01:00.000Z",
    configuration_digest="c" * 64,
    attempt="attempt-1",
    artifacts={"solution-1.0-py3-none-any.whl": "b" * 64},
    models={"prod.a.m": {"version": "2", "copied_from": {"model": "staging.a.m", "version": "7"}}},
    prompts={"prod.a.p": {"version": "1", "digest": "d" * 64}},
    data={"prod.a.t": {"version": 4}, "prod.a.u": {"unknown": "it is CSV, not Delta"}},
    steps=({"step": "gate", "action": "metrics", "result": "succeeded", "seconds": 0.1},),
    gate=("holds: recall >= 0.8 (0.9)",),
    evaluation={"recall": 0.9},
)


def test_subjects_are_the_record_and_what_it_deployed() -> None:
    for form in ("slsa", "in-toto"):
        found = statement(RELEASED, form)
        assert found["_type"] == "https://in-toto.io/Statement/v1"
        assert found["subject"] == [
            {"name": "b/prod/3", "digest": {"sha256": "a" * 64}},
            {"name": "solution-1.0-py3-none-any.whl", "digest": {"sha256": "b" * 64}},
        ]


def test_slsa_provenance_has_what_version_1_asks_for() -> None:
    found = statement(RELEASED, "slsa")
    assert found["predicateType"] == "https://slsa.dev/provenance/v1"
    definition, details = found["predicate"]["buildDefinition"], found["predicate"]["runDetails"]
    assert definition["buildType"].startswith("https://")
    assert definition["externalParameters"]["environment"] == "prod"
    assert details["builder"]["id"].startswith("https://")
    assert details["metadata"] == {
        "invocationId": "attempt-1",
        "startedOn": "2026-01-01T00:00:00.000Z",
        "finishedOn": "2026-01-01T00:01:00.000Z",
    }
    dependencies = {one["uri"]: one for one in definition["resolvedDependencies"]}
    assert dependencies["git+b"]["digest"] == {"gitCommit": "c0ffee"}
    copied = dependencies["models:/prod.a.m/2"]["annotations"]["copied_from"]
    assert copied == {"model": "staging.a.m", "version": "7"}
    assert dependencies["prompts:/prod.a.p/1"]["digest"] == {"sha256": "d" * 64}
    assert dependencies["delta:/prod.a.t"]["annotations"] == {"version": 4}
    assert "delta:/prod.a.u" not in dependencies


@pytest.mark.parametrize("name", ["gate", "evaluation", "commit", "previous"])
def test_in_toto_carries_the_whole_record(name: str) -> None:
    found = statement(RELEASED, "in-toto")
    assert found["predicateType"] != "https://slsa.dev/provenance/v1"
    assert found["predicate"][name] == RELEASED.as_json()[name]
