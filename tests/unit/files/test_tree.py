"""What is new in the tree is told before anybody can see it, and only then."""

from __future__ import annotations

from pathlib import Path

from brickyard.workspace.files.publish import Staging
from brickyard.workspace.files.tree import Parts, Tree


def test_a_folder_is_told_before_it_is_there(tmp_path: Path) -> None:
    tree, told = Tree(tmp_path / "tree", Staging(tmp_path / "drafts")), list[Parts]()

    def before_new(parts: Parts) -> None:
        assert tree.find(parts) is None
        told.append(parts)

    assert tree.make_folders(("a", "b"), before_new) == [("a",), ("a", "b")]
    assert told == [("a",), ("a", "b")]
    assert tree.make_folders(("a", "b", "c"), before_new) == [("a", "b", "c")]
    assert told[2:] == [("a", "b", "c")]


def test_a_file_is_told_before_it_is_there_and_not_when_it_is_replaced(tmp_path: Path) -> None:
    tree, told = Tree(tmp_path / "tree", Staging(tmp_path / "drafts")), list[Parts]()
    tree.root.mkdir()

    def put(text: str, *, overwrite: bool) -> bool:
        draft = tmp_path / "draft"
        draft.write_text(text)
        return tree.put(("x.txt",), "", draft, overwrite=overwrite, before_new=told.append)

    assert put("one", overwrite=False)
    assert not put("two", overwrite=True)
    assert told == [("x.txt",)]
    assert (tree.root / "x.txt").read_text() == "two"
