"""The agent searches as the model asks it to, then answers with sources."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from conftest import found

from retrieval_agent.answering import ROUNDS, Answered, Call, Searched, Searching, Turn, answer
from retrieval_agent.library import Found

ASKED = [{"role": "user", "content": "What colour is the roof?"}]


class Shelf:
    """A library whose passages are known."""

    def __init__(self, *texts: str) -> None:
        self.texts, self.asked = texts, []

    def search(self, question: str) -> Sequence[Found]:
        self.asked.append(question)
        return [found(number, text) for number, text in enumerate(self.texts)]


class Script:
    """A model that says what it was told to, and keeps what it was shown."""

    def __init__(self, *turns: Turn) -> None:
        self.turns, self.seen, self.searching = list(turns), [], []

    def turn(self, messages: Sequence[Mapping[str, Any]], searching: Searching) -> Turn:
        self.seen.append(list(messages))
        self.searching.append(searching)
        return self.turns.pop(0)


def test_a_search_comes_before_the_answer_and_its_passages_are_cited() -> None:
    shelf = Shelf("The wall is red.", "The roof is blue.")
    chat = Script(Turn(calls=[Call(id="c1", query="roof")]), Turn(text="The roof is blue [2]."))
    searched, answered = answer(ASKED, prompt="Cite.", library=shelf, chat=chat)
    assert isinstance(searched, Searched)
    assert isinstance(answered, Answered)
    assert shelf.asked == ["roof"]
    assert [one.id for one in answered.sources] == ["id1"]
    assert len(answered.passages) == 2
    system, _, called, shown = chat.seen[1]
    assert system == {"role": "system", "content": "Cite."}
    assert called["tool_calls"][0]["id"] == shown["tool_call_id"] == "c1"
    assert [one["number"] for one in json.loads(shown["content"])] == [1, 2]


def test_passages_found_twice_keep_their_number() -> None:
    shelf = Shelf("The wall is red.")
    twice = [Turn(calls=[Call(id=f"c{at}", query="wall")]) for at in range(2)]
    *_, answered = answer(ASKED, prompt="", library=shelf, chat=Script(*twice, Turn(text="Red.")))
    assert len(answered.passages) == 1


def test_a_model_that_only_searches_has_to_answer_in_the_end() -> None:
    turns = [Turn(calls=[Call(id=f"c{at}", query="x")]) for at in range(ROUNDS)]
    chat = Script(*turns, Turn(text="I do not know that."))
    steps = list(answer(ASKED, prompt="", library=Shelf(), chat=chat))
    assert len(steps) == ROUNDS + 1
    assert chat.searching[0] is Searching.MUST
    assert chat.searching[1:] == [Searching.MAY] * (ROUNDS - 1) + [Searching.DONE]
    assert steps[-1].sources == []
