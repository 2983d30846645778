"""The pages say what is there: commands, options, files and links."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest

from brickyard.cli import root

ROOT = Path(__file__).resolve().parents[3]
PAGES = (
    ROOT / "README.md",
    ROOT / "ARCHITECTURE.md",
    ROOT / "examples/data_quality_agent/README.md",
    ROOT / "examples/retrieval_agent/README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
)
GENERATED = (ROOT / "docs/coverage.md", ROOT / "docs/security.md")
BASES = ("", "src/brickyard", "src/brickyard/workspace")
IN_CODE = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)[^)]*\)")
FILE = re.compile(r"[\w./-]+\.(?:py|yml|md|toml)|(?:src|tests|docs|examples)/[\w./-]+")
NOT_HERE = {"databricks.yml", "brickyard.yml"}  # files of a user's bundle


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def commands(
    command: click.Command, path: str = "brickyard"
) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by the words that call it."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    ctx = click.Context(command, info_name=path)
    for name in command.list_commands(ctx):
        below = command.get_command(ctx, name)
        assert below is not None
        yield from commands(below, f"{path} {name}")


COMMANDS = dict(commands(root()))


def test_the_page_of_commands_is_not_stale() -> None:
    page = script("commands")
    assert page.render() == page.PAGE.read_text(), "run `make docs`"


def test_the_page_of_clients_is_not_stale() -> None:
    page = script("clients")
    assert page.render() == page.PAGE.read_text(), "run `make docs`"


def test_every_command_and_option_is_on_the_page_of_commands() -> None:
    text = (ROOT / "docs" / "commands.md").read_text()
    parts = re.split(r"^### ", text, flags=re.MULTILINE)
    sections = {part.split("\n", 1)[0]: part for part in parts}
    for path, command in COMMANDS.items():
        section = sections[path.replace("brickyard bundle ", "brickyard ")]
        for parameter in command.params:
            if not isinstance(parameter, click.Option) or parameter.hidden:
                continue
            if "--help" not in parameter.opts:
                for spelling in parameter.opts:
                    assert re.search(rf"{re.escape(spelling)}[ ,`]", section), (path, spelling)


def test_every_file_that_the_architecture_names_exists() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    named = {found for code in IN_CODE.findall(text) if (found := _file(code))} - NOT_HERE
    assert len(named) > 25
    assert not {one for one in named if not _is_there(one)}


def _is_there(file: str) -> bool:
    """Under one of the bases; a name without folder is one that several folders have."""
    if "/" not in file and any((ROOT / "src").rglob(file)):
        return True
    return any((ROOT / base / file).exists() for base in BASES)


def _file(code: str) -> str | None:
    whole = FILE.fullmatch(code)
    return whole[0].rstrip("/") if whole else None


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_command_line_on_a_page_is_one_that_exists(page: Path) -> None:
    for line in _command_lines(page.read_text()):
        words = line.split(" -- ")[0].split()
        if words[1:] in (["bundle", "VERB"], ["bundle", "…"]):
            continue
        paths = [" ".join(words[:length]) for length in (4, 3, 2)]
        path = next((one for one in paths if one in COMMANDS), paths[-1])
        assert path in COMMANDS, line
        known = {name for option in COMMANDS[path].params for name in option.opts}
        for word in words[2:]:
            if word.startswith("-"):
                assert word.split("=")[0] in {*known, "-h", "--help"}, line


def _command_lines(text: str) -> Iterator[str]:
    """Calls of our command in code, less what is joined to them."""
    fenced = [
        line for block in FENCE.findall(text) for line in block.replace("\\\n", " ").splitlines()
    ]
    for line in [*fenced, *IN_CODE.findall(FENCE.sub("", text))]:
        for part in re.split(r"[|;]|&&|\$\(|\)", line.split(" #")[0]):
            words = part.strip().strip('"').split("brickyard ", 1)
            is_call = part.strip().startswith(("brickyard ", 'eval "$(brickyard '))
            if is_call and words[-1][:1].islower():
                yield "brickyard " + words[-1]


@pytest.mark.parametrize("page", [one for one in PAGES if one not in GENERATED], ids=page_id)
def test_lines_are_at_most_100_columns_wide(page: Path) -> None:
    inside = False
    for number, line in enumerate(page.read_text().splitlines(), start=1):
        inside ^= line.startswith("```")
        if not inside and not line.startswith("|"):
            assert len(line) <= 100, f"{page.name}:{number}"
