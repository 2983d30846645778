"""Documents become passages that keep their place and, when nothing changed, their id."""

from __future__ import annotations

from conftest import ROOT

from retrieval_agent.passages import LONGEST, read_library, read_page

PAGE = """\
# Walls

Of what they are.

## Bricks

Red ones.

```
# no heading

not a paragraph of its own
```

### Sizes

Small.

## Mortar

Grey.
"""


def test_a_passage_says_where_it_stands() -> None:
    found = read_page("walls.md", PAGE)
    assert [one.section for one in found] == ["", "Bricks", "Bricks > Sizes", "Mortar"]
    assert {one.title for one in found} == {"Walls"}
    assert found[2].text == "Walls > Bricks > Sizes\n\nSmall."
    assert "# no heading\n\nnot a paragraph" in found[1].text


def test_an_id_stays_until_the_text_changes() -> None:
    before = {one.section: one.id for one in read_page("walls.md", PAGE)}
    after = {one.section: one.id for one in read_page("walls.md", PAGE.replace("Grey", "Brown"))}
    assert {key for key in before if before[key] != after[key]} == {"Mortar"}
    assert before["Bricks"] != {one.section: one.id for one in read_page("b.md", PAGE)}["Bricks"]


def test_a_long_section_is_cut_between_paragraphs() -> None:
    paragraphs = [f"{number} " + "word " * 60 for number in range(10)]
    found = read_page("long.md", "# Long\n\n" + "\n\n".join(paragraphs))
    assert len(found) > 2
    assert all(len(one.text) <= LONGEST + 20 for one in found)
    assert sum(one.text.count("word") for one in found) == 600


def test_wrapped_lines_are_joined_and_rows_become_sentences() -> None:
    text = "# P\n\nOne line\nand its end.\n\n- an item\n  goes on\n- another\n\n" + (
        "| What | Where | Note |\n|---|---|---|\n| bricks | walls | |\n| tiles | roof | red |\n"
    )
    (found,) = read_page("p.md", text)
    assert found.text == (
        "P\n\nOne line and its end.\n\n- an item goes on\n- another\n\n"
        "bricks: walls.\ntiles: roof; red."
    )


def test_the_corpus_is_read_without_two_passages_of_one_id() -> None:
    found = read_library(ROOT / "corpus")
    assert len(found) > 80
    assert len({one.id for one in found}) == len(found)
    assert all(one.title and len(one.text) > len(one.title) for one in found)
