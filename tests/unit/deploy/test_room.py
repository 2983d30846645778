"""What the room offers is there under its name, though it is imported only when it is asked for."""

from __future__ import annotations

import pytest

from brickyard import deploy


def test_every_name_leads_somewhere() -> None:
    assert set(deploy.HOMES) == set(deploy.__all__)
    for name in deploy.__all__:
        assert getattr(deploy, name) is not None


def test_another_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        deploy.nothing  # noqa: B018
