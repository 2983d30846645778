"""Tokens of processes that act for a principal."""

from __future__ import annotations

from pathlib import Path

import pytest

from brickyard.workspace.identity import credentials, engine
from brickyard.workspace.identity.engine import IdentityEngine
from brickyard.workspace.kernel import ApiError, Home, Store, WorkspaceInfo

PLACE = WorkspaceInfo(name="dev", id=1, catalog="dev", url="http://127.0.0.1:1")


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.fixture
def identity(tmp_path: Path) -> IdentityEngine:
    home = Home(tmp_path / "home").create()
    store = Store(home.database)
    store.create_tables()
    found = IdentityEngine(store, home, {"dev": PLACE})
    found.start()
    return found


def test_a_prolonged_token_lives_on_and_an_ended_one_does_not(
    identity: IdentityEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = identity.authenticate(bearer(identity.default_token("dev")), PLACE)
    kept, left = (
        identity.issue_token(owner, "dev", lifetime_s=60, comment=name) for name in ("kept", "left")
    )
    revoked = identity.issue_token(owner, "dev", lifetime_s=60, comment="revoked")
    identity.prolong(kept, 3600)
    identity.revoke(revoked)
    identity.prolong(revoked, 3600)
    with pytest.raises(ApiError, match="Invalid"):
        identity.authenticate(bearer(revoked), PLACE)

    now = credentials.now_ms()
    for module in (credentials, engine):
        monkeypatch.setattr(module, "now_ms", lambda: now + 120_000)
    assert identity.authenticate(bearer(kept), PLACE) == owner
    with pytest.raises(ApiError, match="expired"):
        identity.authenticate(bearer(left), PLACE)
    identity.prolong(left, 3600)
    with pytest.raises(ApiError, match="expired"):
        identity.authenticate(bearer(left), PLACE)
