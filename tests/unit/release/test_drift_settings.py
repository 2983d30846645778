"""`drift` of brickyard.yml: what it says, and what is said about its faults."""

from __future__ import annotations

from textwrap import dedent

from brickyard.release.settings import read_settings

GOOD = """
    drift:
      configuration: {ignore: ["resources.jobs.*.tags.*"]}
      data:
        - monitor: flights
          require: {fare.percent_null: "<= 5"}
        - table: flights
          schema: quality
          columns: {fare: {psi: "<= 0.2", ks_pvalue: ">= 0.01"}}
      evaluation:
        - {metric: recall, fall: 0.05, experiment: /Shared/nightly}
      code: {branch: main, behind: "<= 20"}
"""


def faults(text: str) -> list[tuple[str, int]]:
    found = read_settings(dedent(text).encode()).diagnostics
    return [(one.summary, one.locations[0].line) for one in found]


def test_what_is_watched_and_its_limits() -> None:
    settings = read_settings(dedent(GOOD).encode())
    assert not settings.diagnostics
    drift = settings.drift
    monitor, table = drift.data
    assert [str(one) for one in monitor.requirements] == ["fare.percent_null <= 5"]
    assert [str(one) for one in table.columns["fare"]] == ["psi <= 0.2", "ks_pvalue >= 0.01"]
    assert (drift.scores[0].metric, drift.scores[0].fall) == ("recall", 0.05)
    assert (drift.branch, str(drift.behind)) == ("main", "behind <= 20")
    assert drift.ignore == ("resources.jobs.*.tags.*",)


def test_without_the_section_nothing_is_watched_besides_configuration_and_code() -> None:
    drift = read_settings(b"rollout: []\n").drift
    assert (drift.data, drift.scores, drift.behind) == ((), (), None)


def test_every_fault_has_its_place() -> None:
    text = """
        drift:
          data:
            - require: {a.b: "> 0"}
            - monitor: m
            - table: t
              columns: {fare: {distance: "<= 1"}}
            - table: t
              columns: {fare: {psi: low}}
          evaluation:
            - {metric: recall}
            - {metric: recall, fall: -1}
          code: {behind: many}
          configration: {}
    """
    assert sorted(faults(text), key=lambda one: one[1]) == [
        ("what drifts is not named", 4),
        ("nothing is required of it", 5),
        ("a distance that is not known", 7),
        ("a gate's limit can't be read", 9),
        ("a score without its name or its limit", 11),
        ("`fall` is not a number", 12),
        ("a gate's limit can't be read", 13),
        ("unknown key in brickyard.yml", 14),
    ]


def test_what_is_watched_may_be_in_some_environments_only() -> None:
    monitor = "- monitor: flights\n"
    text = GOOD.replace(monitor, f"{monitor}          in: [staging, prod]\n")
    settings = read_settings(dedent(text).encode())
    assert not settings.diagnostics
    flights, table = settings.drift.data
    assert [flights.is_in(one) for one in ("dev", "staging", "prod")] == [False, True, True]
    assert table.is_in("dev")
    assert faults(text.replace("[staging, prod]", "[stagging]")) == [
        ("`in` names no environment", 6)
    ]
