"""What a target does without, as `brickyard.yml` says."""

from __future__ import annotations

from bundles import resolved

BUNDLE = """
targets:
  dev: {default: true}
  prod: {}
resources:
  jobs:
    nightly: {name: nightly}
    report: {name: report}
  schemas:
    sales: {catalog_name: dev, name: sales}
"""


def test_a_target_does_without_what_its_environment_names() -> None:
    settings = (
        "environments:\n"
        "  work: {target: dev, without: [resources.jobs.*, resources.schemas.sales]}\n"
        "  prod: {without: [resources.jobs.report]}\n"
    )
    files = {"brickyard.yml": settings}
    dev = resolved(BUNDLE, files=files)
    assert not dev.diagnostics
    assert [one.address for one in dev.resources] == []
    prod = resolved(BUNDLE, files=files, target="prod")
    assert [one.address for one in prod.resources] == [
        "resources.jobs.nightly",
        "resources.schemas.sales",
    ]


def test_an_address_that_is_not_there_is_said_at_its_place() -> None:
    settings = "environments:\n  dev:\n    without: [resources.jobs.nightl]\n"
    found = resolved(BUNDLE, files={"brickyard.yml": settings})
    (said,) = found.diagnostics
    assert said.summary == "there is no resources.jobs.nightl to do without"
    assert "resources.jobs.nightly" in said.detail
    assert str(said.locations[0]) == "brickyard.yml:3:15"
    assert len(found.resources) == 3


def test_odd_settings_leave_nothing_out() -> None:
    for text in ("[]", "environments: 1", "environments: {dev: {without: x}}", "environments: ["):
        assert len(resolved(BUNDLE, files={"brickyard.yml": text}).resources) == 3
