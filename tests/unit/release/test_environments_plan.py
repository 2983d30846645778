"""From declared and actual environments to steps: what narrows, what widens, what is left alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from brickyard.release.environments import Declared, Persona
from brickyard.release.environments_actual import Actual, CatalogState
from brickyard.release.environments_plan import READ, WRITE, EnvironmentsPlan, plan
from brickyard.release.unity import READ_ONLY, READ_WRITE, Unity

SOMEBODY = cast("Unity", object())  # planning asks nobody; it only sees that there is somebody


def environment(name: str, reads: tuple[str, ...], **changed: Any) -> Declared:
    made = Declared(
        name=name,
        target=name,
        workspace="",
        catalog=name,
        reads=reads,
        writes=(name,),
        control="high",
        git="any",
        approvals="none",
        deployer="",
        run_as="",
        personas=(),
        who=(),
        workloads=(),
    )
    return replace(made, **changed)


def workspace(id: int, *catalogs: CatalogState, **principals: bool) -> Actual:
    return Actual(
        workspace_id=id,
        user="admin",
        catalogs={one.name: one for one in catalogs},
        principals=principals,
        unity=SOMEBODY,
    )


def catalog(
    name: str,
    bindings: Mapping[int, str] | None,
    grants: Mapping[str, frozenset[str]] | None = None,
) -> CatalogState:
    return CatalogState(
        name=name, exists=True, owner="admin", bindings=bindings, grants=grants or {}
    )


DEV = environment("dev", ("dev", "prod"))
PROD = environment("prod", ("prod",))
GOOD_DEV = {1: READ_WRITE}
GOOD_PROD = {1: READ_ONLY, 3: READ_WRITE}


def planned(
    dev: CatalogState, prod: CatalogState, wanted_dev: Declared = DEV, wanted_prod: Declared = PROD
) -> EnvironmentsPlan:
    return plan(
        {
            "dev": (wanted_dev, workspace(1, dev, prod)),
            "prod": (wanted_prod, workspace(3, dev, prod)),
        }
    )


def texts(made: EnvironmentsPlan) -> list[tuple[str, str]]:
    return [(str(one.effect), one.text) for one in made.steps]


def test_environments_as_declared_need_nothing() -> None:
    assert not planned(catalog("dev", GOOD_DEV), catalog("prod", GOOD_PROD)).steps


def test_production_that_is_open_is_bound_read_only_to_lower_environments() -> None:
    made = planned(catalog("dev", GOOD_DEV), catalog("prod", None))
    assert texts(made) == [
        ("narrow", "bind the catalog prod to workspaces (it is open to all now)"),
        ("narrow", "bind prod read-only to workspace 1 (dev)"),
    ]
    assert made.steps[1].body == {"add": [{"workspace_id": 1, "binding_type": READ_ONLY}]}


def test_a_binding_that_is_missing_or_too_narrow_is_told_as_widening() -> None:
    made = planned(catalog("dev", {1: READ_ONLY}), catalog("prod", {3: READ_WRITE}))
    assert texts(made) == [
        ("widen", "bind dev read and write to workspace 1 (dev)"),
        ("widen", "bind prod read-only to workspace 1 (dev)"),
    ]
    assert made.widening == made.steps
    assert not made.others


def test_a_binding_beyond_the_policy_is_narrowed_or_taken() -> None:
    made = planned(
        catalog("dev", {1: READ_WRITE, 3: READ_ONLY}),
        catalog("prod", {1: READ_WRITE, 3: READ_WRITE}),
    )
    assert texts(made) == [
        ("narrow", "no more bind dev to workspace 3 (prod)"),
        ("narrow", "bind prod read-only to workspace 1 (dev)"),
    ]


def test_environments_of_one_workspace_are_bound_as_the_widest_of_them_needs() -> None:
    here = (catalog("dev", None), catalog("prod", {7: READ_ONLY}))
    made = plan({"dev": (DEV, workspace(7, *here)), "prod": (PROD, workspace(7, *here))})
    assert texts(made) == [
        ("narrow", "bind the catalog dev to workspaces (it is open to all now)"),
        ("widen", "bind prod read and write to workspace 7 (dev, prod)"),
    ], "isolating dev leaves it to the workspace, as development needs it there"
    assert any("dev, prod are one workspace (7)" in note for note in made.notes)


def test_workspaces_and_principals_that_nobody_declares_are_left_alone_and_said() -> None:
    strangers = {"somebody": frozenset({"MODIFY"})}
    made = planned(
        catalog("dev", {**GOOD_DEV, 99: READ_WRITE}), catalog("prod", GOOD_PROD, strangers)
    )
    assert not made.steps
    assert "dev is bound to workspaces of no environment: 99" in " ".join(made.notes)
    assert "somebody may change prod (MODIFY)" in " ".join(made.notes)


def test_personas_get_what_they_are_declared_and_lose_what_goes_beyond() -> None:
    analysts = Persona(name="analysts", access="read", members=("analysts",))
    held = {"analysts": READ | {"MODIFY"}}
    made = planned(
        catalog("dev", GOOD_DEV),
        catalog("prod", GOOD_PROD, held),
        wanted_prod=replace(PROD, personas=(analysts,)),
    )
    assert texts(made) == [("narrow", "take MODIFY on prod from analysts")]
    made = planned(
        catalog("dev", GOOD_DEV),
        catalog("prod", GOOD_PROD),
        wanted_prod=replace(PROD, personas=(analysts,)),
    )
    (step,) = made.widening
    assert step.body == {"changes": [{"principal": "analysts", "add": sorted(READ)}]}


def test_a_persona_of_a_lower_environment_reads_production_only() -> None:
    makers = Persona(name="ds", access="write", members=("ds",))
    made = planned(
        catalog("dev", GOOD_DEV),
        catalog("prod", GOOD_PROD),
        wanted_dev=replace(DEV, personas=(makers,)),
    )
    granted = {one.path.rsplit("/", 1)[-1]: one.body["changes"][0]["add"] for one in made.widening}
    assert granted == {"dev": sorted(WRITE), "prod": sorted(READ)}


def test_missing_catalogs_and_service_principals_are_made_first() -> None:
    id = "11111111-2222-4333-8444-555555555555"
    missing = CatalogState(name="dev", exists=False)
    wanted = replace(DEV, run_as=id)
    made = plan({"dev": (wanted, workspace(1, missing, **{id: False}))})
    assert [str(one.effect) for one in made.steps[:2]] == ["create", "create"]
    assert made.steps[0].body["applicationId"] == id
    assert made.steps[1].body["name"] == "dev"


def test_a_workspace_that_does_not_answer_is_said_and_nothing_is_planned_for_it() -> None:
    made = plan({"dev": (DEV, Actual(why="nobody answers"))})
    assert not made.steps
    assert made.notes == ("dev: not compared, as nobody answers",)
