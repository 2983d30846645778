"""What is said more by the short verbs than below `bundle`."""

from __future__ import annotations

import click
import pytest

from brickyard.cli.dialect import is_official


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
