"""What is said more by the short verbs than below `bundle`."""

from __future__ import annotations

from dataclasses import replace

import click
import pytest

from brickyard.cli.diagnostics import painter, render
from brickyard.cli.dialect import is_official, spoken
from brickyard.values import Location, error, warning


@pytest.mark.parametrize(
    ("path", "official"),
    [
        (("brickyard", "bundle", "plan"), True),
        (("brickyard", "bundle", "deployment", "bind"), True),
        (("brickyard", "plan"), False),
        (("brickyard", "release", "bundle"), False),
    ],
)
def test_who_is_called_below_bundle_speaks_as_the_official_cli(
    path: tuple[str, ...], official: bool
) -> None:
    context = None
    for name in path:
        context = click.Context(click.Command(name), info_name=name, parent=context)
    assert context is not None
    with context:
        assert is_official() is official


def test_nobody_has_called() -> None:
    assert not is_official()


FOUND = warning(
    "bundle/engine",
    "the root is shared",
    "Choose a folder of your own.",
    path="workspace.root_path",
    at=(Location("databricks.yml", 3, 1), Location("a.yml", 1, 1)),
    is_explained=True,
)


def test_below_bundle_a_finding_names_the_places_of_the_official_cli_and_shows_no_source() -> None:
    with below_bundle():
        said = render(FOUND, {"databricks.yml": b"\n\nworkspace:"}, painter(is_terminal=False))
    assert said == (
        "Warning: the root is shared\n  in databricks.yml:3:1\n\nChoose a folder of your own.\n"
    )


def test_below_bundle_nothing_is_explained_that_the_official_cli_does_not_explain() -> None:
    found = replace(FOUND, is_explained=False)
    with below_bundle():
        said = render(found, {"databricks.yml": b"\n\nworkspace:"}, painter(is_terminal=False))
    assert said == "Warning: the root is shared\n  in databricks.yml:3:1\n"


def test_short_verbs_explain_and_show_the_source() -> None:
    said = render(FOUND, {"databricks.yml": b"\n\nworkspace:"}, painter(is_terminal=False))
    assert "  at workspace.root_path\n" in said
    assert "3 | workspace:" in said
    assert said.endswith("\nChoose a folder of your own.\n")


def test_advice_that_the_official_cli_lacks_is_for_the_short_verbs() -> None:
    found = (warning("bundle/unknown-reference", "a"), warning("bundle/duplicate-key", "b"))
    with below_bundle():
        assert [one.summary for one in spoken(found)] == ["b"]
    assert [one.summary for one in spoken(found)] == ["a", "b"]


def test_an_error_is_shown_to_everybody() -> None:
    found = (error("bundle/unknown-reference", "a"),)
    with below_bundle():
        assert spoken(found) == found


def below_bundle() -> click.Context:
    context = None
    for name in ("brickyard", "bundle", "validate"):
        context = click.Context(click.Command(name), info_name=name, parent=context)
    assert context is not None
    return context
