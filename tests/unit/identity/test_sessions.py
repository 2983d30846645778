"""Cookies of browsers: whatever is in them, they are refused or good."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, cast

import pytest

from brickyard.workspace.identity.sessions import LIFETIME_S, Sessions, name
from brickyard.workspace.kernel import ApiError, WorkspaceInfo


class Directory:
    """Knows one person, by the number 7."""

    def member(self, number: int, _workspace: str) -> str:
        return f"person {number}"

    def authenticate(self, _headers: object, _workspace: object) -> Any:
        return type("Somebody", (), {"id": 7})()


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    return Sessions(tmp_path, cast(Any, Directory()))


def place(called: str = "dev") -> WorkspaceInfo:
    return cast(WorkspaceInfo, type("Place", (), {"name": called, "url": "http://localhost:1"})())


def cookie(sessions: Sessions) -> str:
    return sessions.begin({}, place(), "a token").partition(";")[0].partition("=")[2]


def ask(sessions: Sessions, value: str, called: str = "dev") -> Any:
    return sessions.visitor({"cookie": f"{name(place(called))}={value}"}, place(called))


def test_a_session_is_whose_token_began_it(sessions: Sessions) -> None:
    assert ask(sessions, cookie(sessions)) == "person 7"


@pytest.mark.parametrize("value", ["", "7", "7.", "x.y.z", "7.99999999999.\xff", "٧.9.x", "." * 99])
def test_nonsense_is_refused(sessions: Sessions, value: str) -> None:
    with pytest.raises(ApiError) as refused:
        ask(sessions, value)
    assert refused.value.code == "UNAUTHENTICATED"


def test_a_session_ends_and_is_good_in_one_workspace_for_one_person(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = cookie(sessions)
    others = good.replace("7.", "8.", 1)
    for value, called in ((others, "dev"), (good, "prod")):
        with pytest.raises(ApiError):
            ask(sessions, value, called)
    later = time.time() + LIFETIME_S + 1
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(ApiError):
        ask(sessions, good)
