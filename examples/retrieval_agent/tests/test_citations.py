"""An answer gets the passages that it rests on, and no others."""

from __future__ import annotations

from retrieval_agent.citations import cited, groundedness, support

PASSAGES = ("The wall is red and made of brick.", "The roof is blue. It keeps the rain out.")


def test_marks_of_the_model_count_and_invented_ones_go() -> None:
    text, places = cited("The roof is blue [2]. It is old [7].", PASSAGES)
    assert (text, places) == ("The roof is blue [2]. It is old.", [1])


def test_sentences_without_marks_get_those_of_their_passages() -> None:
    text, places = cited("The roof is blue. Nobody knows how old it is.", PASSAGES)
    assert (text, places) == ("The roof is blue. [2] Nobody knows how old it is.", [1])
    assert cited("I do not know that at all.", PASSAGES) == ("I do not know that at all.", [])
    assert cited("", PASSAGES) == ("", [])


def test_a_sentence_is_supported_by_the_passage_that_has_its_words() -> None:
    assert support("The wall is made of red brick.", PASSAGES) == 0
    assert support("The wall is made of green glass and steel.", PASSAGES) is None
    assert support("...", PASSAGES) is None


def test_groundedness_is_the_share_of_supported_sentences() -> None:
    assert groundedness("The roof is blue. [2] The moon is a cheese.", PASSAGES) == 0.5
    assert groundedness("Yes.", PASSAGES) == 1.0
