"""Cookies of browsers: whatever is in them, they are refused or good."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, cast

import pytest

from brickyard.workspace.identity.records import hashed
from brickyard.workspace.identity.sessions import Sessions, name
from brickyard.workspace.identity.tickets import LIFETIME_S
from brickyard.workspace.kernel import ApiError, WorkspaceInfo


class Directory:
    """Knows one token."""

    def __init__(self) -> None:
        self.tokens = {hashed("a token"): "person 7"}

    def bearer(self, digest: str, _workspace: object) -> str:
        if digest not in self.tokens:
            raise ApiError("PERMISSION_DENIED", "Invalid access token.")
        return self.tokens[digest]


@pytest.fixture
def directory() -> Directory:
    return Directory()


@pytest.fixture
def sessions(tmp_path: Path, directory: Directory) -> Sessions:
    return Sessions(tmp_path, cast(Any, directory))


def place(called: str = "dev") -> WorkspaceInfo:
    return cast(WorkspaceInfo, type("Place", (), {"name": called, "url": "http://localhost:1"})())


def cookie(sessions: Sessions) -> str:
    return sessions.begin({}, place(), "a token").partition(";")[0].partition("=")[2]


def ask(sessions: Sessions, value: str, called: str = "dev") -> Any:
    return sessions.visitor({"cookie": f"{name(place(called))}={value}"}, place(called))


def test_a_session_is_whose_token_began_it(sessions: Sessions) -> None:
    assert ask(sessions, cookie(sessions)) == "person 7"


@pytest.mark.parametrize(
    "value", ["", "7", "7.", "x.y.z", "7.99999999999.\xff", "7.٩.x", "9" * 4000, "." * 99]
)
def test_nonsense_is_refused(sessions: Sessions, value: str) -> None:
    with pytest.raises(ApiError) as refused:
        ask(sessions, value)
    assert refused.value.code == "UNAUTHENTICATED"


def test_a_session_ends_with_its_token(sessions: Sessions, directory: Directory) -> None:
    good = cookie(sessions)
    directory.tokens.clear()
    with pytest.raises(ApiError) as refused:
        ask(sessions, good)
    assert refused.value.code == "UNAUTHENTICATED"


def test_a_session_ends_and_is_good_in_one_workspace_for_one_token(
    sessions: Sessions, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = cookie(sessions)
    directory.tokens[hashed("another")] = "person 8"
    others = good.replace(hashed("a token"), hashed("another"))
    for value, called in ((others, "dev"), (good, "prod")):
        with pytest.raises(ApiError):
            ask(sessions, value, called)
    later = time.time() + LIFETIME_S + 1
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(ApiError):
        ask(sessions, good)
