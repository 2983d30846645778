"""The DBFS root on disk: links that tasks make are not followed, idle handles end."""

from __future__ import annotations

from pathlib import Path

import pytest

from brickyard.workspace.files import dbfs
from brickyard.workspace.files.dbfs import Dbfs
from brickyard.workspace.files.publish import Staging
from brickyard.workspace.kernel import ApiError, Home, Principal, WorkspaceInfo

DEV = WorkspaceInfo(name="dev", id=1, catalog="dev", url="http://127.0.0.1")
WHO = Principal(id=1, user_name="a", display_name="a")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "workspaces" / "dev" / "dbfs"


@pytest.fixture
def engine(tmp_path: Path, root: Path) -> Dbfs:
    made = Dbfs(Home(tmp_path), {"dev": Staging(tmp_path / "workspaces" / "dev" / "staging")})
    made.start()
    (root / "a").write_bytes(b"a")
    (root / "out").symlink_to(tmp_path)
    return made


def test_links_are_neither_shown_nor_followed(engine: Dbfs, root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    assert [one.path for one in engine.listing(DEV, "/")] == ["/a"]
    for path in ("/out", "/out/secret"):
        with pytest.raises(ApiError, match="symbolic link"):
            engine.read(DEV, path, 0, 10)
    with pytest.raises(ApiError, match="symbolic link"):
        engine.put(DEV, "/out/new", b"x", overwrite=True)
    assert not (tmp_path / "new").exists()


def test_a_handle_that_is_not_used_ends_and_leaves_nothing(
    engine: Dbfs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = engine.create(WHO, DEV, "/b", overwrite=False)
    monkeypatch.setattr(dbfs, "IDLE_S", -1.0)
    with pytest.raises(ApiError, match="no open stream"):
        engine.add_block(WHO, DEV, handle, b"x")
    assert list((tmp_path / "workspaces" / "dev" / "staging").iterdir()) == []
    with pytest.raises(ApiError, match="No file or directory"):
        engine.status(DEV, "/b")


def test_a_refused_file_leaves_no_draft(engine: Dbfs, tmp_path: Path) -> None:
    with pytest.raises(ApiError, match="already exists"):
        engine.put(DEV, "/a", b"other", overwrite=False)
    with pytest.raises(ApiError, match="in the way"):
        engine.put(DEV, "/a/below", b"other", overwrite=False)
    assert list((tmp_path / "workspaces" / "dev" / "staging").iterdir()) == []
    assert engine.read(DEV, "/a", 0, 10) == b"a"
