"""The sentence encoder in numpy, on small weights of its own kind that are made here."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest

from brickyard.workspace.gateway.offline import minilm, wire
from brickyard.workspace.gateway.offline.chat import BadRequest

WIDTH, WIDE, LAYERS = 24, 48, 2
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "car", "caf", "##e", "##s", ",", "##x", "数"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import numpy as np

    made = np.random.default_rng(7)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(WORDS), WIDTH),
        "embeddings.position_embeddings.weight": (minilm.LONGEST, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
        "embeddings.LayerNorm.weight": (WIDTH,),
        "embeddings.LayerNorm.bias": (WIDTH,),
    }
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}"
        for name, shape in (
            *((f"attention.self.{one}", (WIDTH, WIDTH)) for one in ("query", "key", "value")),
            ("attention.output.dense", (WIDTH, WIDTH)),
            ("attention.output.LayerNorm", (WIDTH,)),
            ("intermediate.dense", (WIDE, WIDTH)),
            ("output.dense", (WIDTH, WIDE)),
            ("output.LayerNorm", (WIDTH,)),
        ):
            shapes[f"{layer}.{name}.weight"] = shape
            shapes[f"{layer}.{name}.bias"] = shape[:1]
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, shape in shapes.items():
        raw = made.normal(0, 0.3, shape).astype("<f4").tobytes()
        offsets = [len(data), len(data) + len(raw)]
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": offsets}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    folder = tmp_path_factory.mktemp("minilm")
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    (folder / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    return folder


def test_words_are_split_into_the_longest_known_pieces(weights: Path) -> None:
    encoder = minilm.Encoder(weights)

    def pieces(text: str) -> list[str]:
        return [WORDS[one] for one in encoder._ids(text)[1:-1]]

    assert pieces("A Cars, a café") == ["a", "car", "##s", ",", "a", "caf", "##e"]
    assert pieces("数数 zebra") == ["数", "数", "[UNK]"]
    assert len(encoder._ids("a " * 1000)) == minilm.LONGEST


def test_a_vector_has_length_1_and_does_not_depend_on_its_neighbours(weights: Path) -> None:
    texts = ["a car", "cafe, a car, cars, a cafe", ""]
    together = minilm.embed_all(str(weights), texts, WIDTH)
    for text, vector in zip(texts, together, strict=True):
        [alone] = minilm.embed_all(str(weights), [text], WIDTH)
        assert vector == pytest.approx(alone, abs=1e-5)
        assert math.isclose(sum(one * one for one in vector), 1.0, abs_tol=1e-4)


def test_one_layer_is_what_its_definition_says(weights: Path) -> None:
    """Attention of the first layer, written out number by number."""
    import numpy as np

    encoder = minilm.Encoder(weights)
    hidden = np.random.default_rng(1).normal(size=(1, 3, WIDTH)).astype("f4")
    given = encoder._attend(hidden, np.zeros((1, 1, 1, 3), "f4"), "encoder.layer.0")[0]
    w, size = encoder._weights, WIDTH // minilm.HEADS

    def part(name: str, at: int) -> Any:
        layer = f"encoder.layer.0.attention.self.{name}"
        return w[f"{layer}.weight"] @ hidden[0, at] + w[f"{layer}.bias"]

    for head in range(minilm.HEADS):
        own = slice(head * size, (head + 1) * size)
        for at in range(3):
            scores = [part("query", at)[own] @ part("key", to)[own] / size**0.5 for to in range(3)]
            shares = np.exp(scores) / np.exp(scores).sum()
            wanted = sum(share * part("value", to)[own] for to, share in enumerate(shares))
            assert given[at, own] == pytest.approx(wanted, abs=1e-4)


def test_other_numbers_are_zero_and_fewer_are_refused(weights: Path) -> None:
    found = wire.embeddings({"input": "a car"}, 32, str(weights))
    assert found["model"] == minilm.MODEL
    assert found["data"][0]["embedding"][WIDTH:] == [0.0] * 8
    with pytest.raises(BadRequest, match="24 numbers or more"):
        wire.embeddings({"input": "a car", "dimensions": 8}, 32, str(weights))


def test_without_weights_it_says_what_to_install() -> None:
    with pytest.raises(minilm.NoWeights, match="has no"):
        minilm.folder("/nowhere")
