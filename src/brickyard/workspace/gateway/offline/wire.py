"""The offline models in the words of OpenAI's API: chat, completions and embeddings."""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Iterator, Mapping
from typing import Any, Final

from brickyard.workspace.gateway.offline import chat, embedder, minilm, words
from brickyard.workspace.gateway.offline.chat import Answer, BadRequest

PIECE: Final = re.compile(r"\s*\S+\s*")
LEXICAL: Final = "lexical"
MOST_ANSWERS: Final = 16
Json = dict[str, Any]


def completion(body: Mapping[str, Any], now_s: int) -> Json:
    """A `chat.completion`. Raises BadRequest."""
    given, n = chat.answer(body), _answers(body)
    message: Json = {"role": "assistant", "content": given.turn.content}
    if given.turn.calls:
        message["tool_calls"] = list(given.turn.calls)
    choices = [
        {"index": at, "message": message, "finish_reason": given.turn.finish, "logprobs": None}
        for at in range(n)
    ]
    return {**_head(given, "chat.completion", now_s), "choices": choices, "usage": _usage(given, n)}


def completion_events(body: Mapping[str, Any], now_s: int) -> Iterator[Json]:
    """The same as `chat.completion.chunk`s. Raises BadRequest before the first one."""
    given, n = chat.answer(body), _answers(body)
    head = _head(given, "chat.completion.chunk", now_s)
    return _chunks(head, given, n)


def _chunks(head: Json, given: Answer, n: int) -> Iterator[Json]:
    for at in range(n):
        yield {**head, "choices": [_delta(at, {"role": "assistant", "content": ""})]}
        for number, call in enumerate(given.turn.calls):
            yield {**head, "choices": [_delta(at, {"tool_calls": [{"index": number, **call}]})]}
        for piece in PIECE.findall(given.turn.content or ""):
            yield {**head, "choices": [_delta(at, {"content": piece})]}
        last = at == n - 1
        end = {**head, "choices": [_delta(at, {}, given.turn.finish)]}
        yield {**end, "usage": _usage(given, n)} if last else end


def text_completion(body: Mapping[str, Any], now_s: int) -> Json:
    """A `text_completion`: the prompt is taken as what a user says. Raises BadRequest."""
    prompt = body.get("prompt")
    prompts = [prompt] if isinstance(prompt, str) else prompt
    if not isinstance(prompts, list) or not prompts or not all(isinstance(p, str) for p in prompts):
        raise BadRequest("prompt must be a string or a list of strings")
    n = _answers(body)
    choices: list[Json] = []
    read = said = 0
    for text in prompts:
        given = chat.answer({**body, "messages": [{"role": "user", "content": text}], "tools": ()})
        read += given.prompt_tokens
        said += given.completion_tokens * n
        shown = (text if body.get("echo") else "") + (given.turn.content or "")
        choices += [
            {"index": len(choices) + at, "text": shown, "finish_reason": given.turn.finish}
            for at in range(n)
        ]
    return {
        "id": f"cmpl-{given.id}",
        "object": "text_completion",
        "created": now_s,
        "model": chat.MODEL,
        "choices": choices,
        "usage": _counts(read, said),
    }


def embeddings(body: Mapping[str, Any], default_dimensions: int, encoder: str = LEXICAL) -> Json:
    """A list of `embedding`s, as numbers or as base64 of them. Raises BadRequest.

    `encoder` is `lexical`, or where the weights of MiniLM are (`minilm.folder`).
    """
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(one, str) for one in texts):
        raise BadRequest("input must be a string or a list of strings")
    dimensions = body.get("dimensions") or default_dimensions
    if not isinstance(dimensions, int) or not 0 < dimensions <= embedder.LARGEST:
        raise BadRequest(f"dimensions must be an integer from 1 to {embedder.LARGEST}")
    try:
        vectors = (
            embedder.embed_all(texts, dimensions)
            if encoder == LEXICAL
            else minilm.embed_all(encoder, texts, dimensions)
        )
    except ValueError as fault:
        raise BadRequest(str(fault)) from None
    packed = body.get("encoding_format") == "base64"
    shown: list[Any] = [_packed(one) for one in vectors] if packed else vectors
    return {
        "object": "list",
        "model": embedder.MODEL if encoder == LEXICAL else minilm.MODEL,
        "data": [
            {"object": "embedding", "index": at, "embedding": one} for at, one in enumerate(shown)
        ],
        "usage": {
            "prompt_tokens": (read := sum(words.count(one) for one in texts)),
            "total_tokens": read,
        },
    }


def _answers(body: Mapping[str, Any]) -> int:
    n = body.get("n")
    if n is None:
        return 1
    if not isinstance(n, int) or isinstance(n, bool) or not 1 <= n <= MOST_ANSWERS:
        raise BadRequest(f"n must be an integer from 1 to {MOST_ANSWERS}")
    return n


def _head(given: Answer, kind: str, now_s: int) -> Json:
    return {
        "id": f"chatcmpl-{given.id}",
        "object": kind,
        "created": now_s,
        "model": chat.MODEL,
    }


def _delta(at: int, delta: Json, finish: str | None = None) -> Json:
    return {"index": at, "delta": delta, "finish_reason": finish, "logprobs": None}


def _usage(given: Answer, n: int) -> Json:
    return _counts(given.prompt_tokens, given.completion_tokens * n)


def _counts(read: int, said: int) -> Json:
    return {"prompt_tokens": read, "completion_tokens": said, "total_tokens": read + said}


def _packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
