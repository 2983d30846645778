"""Requirement lines as users write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from brickyard.workspace.processes.requirements import BadRequirement, read_requirements


def test_requirement_files_are_inlined_relative_to_themselves(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "more.txt").write_text("b==2  # why\n")
    (tmp_path / "all.txt").write_text(
        "a>=1 \\\n  ,<2\n\n# nothing\n-r inner/more.txt\n-c pins.txt\n"
    )
    (tmp_path / "pins.txt").write_text("c==3\n")
    found = read_requirements([f"-r {tmp_path}/all.txt"])
    assert found.lines == ("a>=1 ,<2", "b==2")
    assert found.constraints == ("c==3",)


def test_a_wheel_by_workspace_path_is_found_and_counts_by_its_content(tmp_path: Path) -> None:
    wheel = tmp_path / "agent-1-py3-none-any.whl"
    wheel.write_bytes(b"one")
    found = read_requirements(["/Workspace/lib/agent-1-py3-none-any.whl"], locate=lambda _: wheel)
    assert found.lines == ("./agent-1-py3-none-any.whl",)
    first = found.digest()
    wheel.write_bytes(b"two")
    assert found.digest() != first


def test_a_missing_file_and_an_editable_install_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadRequirement, match=r"nothing\.whl"):
        read_requirements([f"{tmp_path}/nothing.whl"])
    with pytest.raises(BadRequirement, match="editable"):
        read_requirements(["-e ."])
    with pytest.raises(BadRequirement, match="No such file"):
        read_requirements([f"-r {tmp_path}/nothing.txt"])


def test_files_that_include_each_other_end_with_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("-r a.txt\n")
    with pytest.raises(BadRequirement, match="include each other"):
        read_requirements([f"-r {tmp_path}/a.txt"])
