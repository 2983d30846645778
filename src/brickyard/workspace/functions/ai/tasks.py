"""Answering a batch of rows of an AI function: requests to a serving endpoint, a few at once.

Tasks that a model of words alone can do honestly are also done by the workspace's offline model.
What it cannot do (translating, correcting, judging a mood, masking) is refused when it answers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from brickyard.workspace.functions.ai.response_formats import response_format
from brickyard.workspace.functions.batches import Batch
from brickyard.workspace.functions.own_api import ask, each
from brickyard.workspace.gateway.offline import ranking
from brickyard.workspace.gateway.offline.chat import MODEL as OFFLINE
from brickyard.workspace.gateway.offline.forms import UNKNOWN
from brickyard.workspace.kernel import ApiError

RECORDS_AT_ONCE: Final = 64
TEXTS_AT_ONCE: Final = 64
NOTHING_FOUND: Final = (None, "", UNKNOWN)
MOODS: Final = ("positive", "negative", "neutral", "mixed")
NOT_OFFLINE: Final = frozenset(
    {"ai_translate", "ai_fix_grammar", "ai_mask", "ai_analyze_sentiment"}
)


def query(batch: Batch) -> bytes:
    """`ai_query`. With `fails` false, an error is a field of the row's answer."""
    form, rows = str(batch.asked.get("form")), batch.rows()
    answers = _RUN[form](batch, rows)
    if batch.asked.get("fails", True):
        for one in answers:
            if isinstance(one, ApiError):
                raise _failed("ai_query", one)
        return batch.answer([_typed(batch, one) for one in answers])
    shown: list[Any] = []
    for one in answers:
        failed = isinstance(one, ApiError)
        result = None if failed else _typed(batch, one)
        shown.append(
            {"result": result, "errorMessage": f"{one.code}: {one.message}" if failed else None}
        )
    return batch.answer(shown)


def _typed(batch: Batch, value: Any) -> Any:
    """A text answer is JSON when another type than text is wanted."""
    if batch.asked.get("is_text", True) or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _chat_rows(batch: Batch, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    def one(row: Mapping[str, Any]) -> Any:
        if row.get("request") is None:
            return None
        messages = [{"role": "user", "content": row["request"]}]
        return text_of(_invoke(batch, {"messages": messages, **_options(row)}))

    return each(one, rows)


def _completion_rows(batch: Batch, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    def one(row: Mapping[str, Any]) -> Any:
        if row.get("request") is None:
            return None
        return text_of(_invoke(batch, {"prompt": row["request"], **_options(row)}))

    return each(one, rows)


def _response_rows(batch: Batch, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    def one(row: Mapping[str, Any]) -> Any:
        if row.get("request") is None:
            return None
        asked = [{"role": "user", "content": row["request"]}]
        return text_of(_invoke(batch, {"input": asked, **_options(row)}))

    return each(one, rows)


def _embedding_rows(batch: Batch, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    return _embedded(batch, [row.get("request") for row in rows])


def _record_rows(batch: Batch, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Many rows in one request; one by one when such a request fails, to know which rows do."""
    found: list[Any] = []
    for start in range(0, len(rows), RECORDS_AT_ONCE):
        some = rows[start : start + RECORDS_AT_ONCE]
        try:
            found += _records(batch, some)
        except ApiError as refused:
            if len(some) == 1 or batch.asked.get("fails", True):
                found += [refused] * len(some)
            else:
                found += each(lambda row: _records(batch, [row])[0], some)
    return found


def _records(batch: Batch, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    given = [row.get("request") for row in rows]
    body: dict[str, Any] = (
        {"dataframe_records": given}
        if all(isinstance(one, Mapping) for one in given)
        else {"inputs": given}
    )
    if parameters := rows[0].get("modelParameters"):
        body["params"] = dict(parameters)
    answer = _invoke(batch, body)
    found = answer.get("predictions")
    if isinstance(found, Mapping) and len(rows) > 1:
        found = [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)]
    elif not isinstance(found, list):
        found = [answer if found is None else found]
    if len(found) != len(rows):
        raise ApiError(
            "AI_FUNCTION_INVALID_HTTP_RESPONSE",
            f"the model gave {len(found)} predictions for {len(rows)} rows",
            status=400,
        )
    only = [
        next(iter(one.values())) if isinstance(one, Mapping) and len(one) == 1 else one
        for one in found
    ]
    return only if not _wants_struct(batch) else found


def _wants_struct(batch: Batch) -> bool:
    """Whether the value of a row is a structure; beside an error message it is one's `result`."""
    kind = batch.asked.get("returns")
    if not batch.asked.get("fails", True) and isinstance(kind, Mapping):
        kind = kind["fields"][0]["type"]
    return isinstance(kind, Mapping) and kind.get("type") == "struct"


_RUN: Final[Mapping[str, Callable[[Batch, Sequence[Mapping[str, Any]]], list[Any]]]] = {
    "chat": _chat_rows,
    "completions": _completion_rows,
    "responses": _response_rows,
    "embeddings": _embedding_rows,
    "records": _record_rows,
}


def _options(row: Mapping[str, Any]) -> dict[str, Any]:
    """`modelParameters` and `responseFormat` as fields of the request."""
    found = {k: v for k, v in (row.get("modelParameters") or {}).items() if v is not None}
    if wanted := row.get("responseFormat"):
        found["response_format"] = response_format(str(wanted))
    return found


def extract(batch: Batch) -> bytes:
    """`ai_extract`: what the content says of each label, or null."""
    labels = [str(one) for one in batch.asked.get("labels") or ()]
    schema = {
        "type": "object",
        "properties": {one: {"type": "string", "description": one} for one in labels},
        "required": labels,
    }

    def one(row: Mapping[str, Any]) -> Any:
        if row["content"] is None:
            return None
        told = _form(
            batch,
            "Extract one value for each field from the text. Use an empty string for a field that"
            " the text says nothing about.",
            row["content"],
            schema,
        )
        return {
            label: str(told[label]) if told.get(label) not in NOTHING_FOUND else None
            for label in labels
        }

    return _answered(batch, "ai_extract", one)


def classify(batch: Batch) -> bytes:
    """`ai_classify`: one of the labels, or null when none can be told."""

    def one(row: Mapping[str, Any]) -> Any:
        labels = [str(label) for label in row["labels"] or () if label]
        if row["content"] is None or not labels:
            return None
        schema = {"type": "object", "properties": {"label": {"type": "string", "enum": labels}}}
        answer = _invoke(batch, _asking("Choose the label that fits the text.", row, schema))
        label = _object(text_of(answer)).get("label")
        if answer.get("model") == OFFLINE and not ranking.share(str(label), row["content"]):
            return None  # the offline model goes by words: without one it does not know
        return label if label in labels else None

    return _answered(batch, "ai_classify", one)


def similarity(batch: Batch) -> bytes:
    """`ai_similarity`: the cosine of the two texts' embeddings."""
    rows = batch.rows()
    vectors = _embedded(batch, [row[name] for row in rows for name in ("expr1", "expr2")])
    for one in vectors:
        if isinstance(one, ApiError):
            raise _failed("ai_similarity", one)
    pairs = zip(vectors[::2], vectors[1::2], strict=True)
    return batch.answer([_cosine(a, b) for a, b in pairs])


def _cosine(a: Sequence[float] | None, b: Sequence[float] | None) -> float | None:
    if a is None or b is None:
        return None
    length = math.hypot(*a) * math.hypot(*b)
    return sum(x * y for x, y in zip(a, b, strict=True)) / length if length else 0.0


def _prompted(name: str, instruct: Callable[[Mapping[str, Any]], str], content: str) -> Any:
    def run(batch: Batch) -> bytes:
        def one(row: Mapping[str, Any]) -> Any:
            if row[content] is None:
                return None
            answer = _invoke(batch, _asking(instruct(row), {"content": row[content]}))
            if name in NOT_OFFLINE and answer.get("model") == OFFLINE:
                raise ApiError(
                    "NOT_IMPLEMENTED",
                    f"{name} needs a language model; endpoint '{batch.asked['endpoint']}' is"
                    " answered by the workspace's offline model, which finds sentences and"
                    " writes none. Give the endpoint a provider in the workspace's configuration.",
                )
            return text_of(answer)

        return _answered(batch, name, one)

    return run


def _asking(
    instruction: str, row: Mapping[str, Any], schema: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    text = str(row["content"])
    if instruction:  # marked, so that no model takes the text for instructions
        text = f"<request>{instruction}</request>\n\n{text}"
    messages = [{"role": "user", "content": text}]
    body: dict[str, Any] = {"messages": messages, "temperature": 0}
    if schema is not None:
        form = {"name": "answer", "schema": schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    return body


def _form(
    batch: Batch, instruction: str, content: str, schema: Mapping[str, Any]
) -> Mapping[str, Any]:
    return _object(text_of(_invoke(batch, _asking(instruction, {"content": content}, schema))))


def _object(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ApiError(
            "AI_FUNCTION_INVALID_HTTP_RESPONSE",
            "the model did not answer with a JSON object as it was asked to",
            status=400,
        )
    return found


def _answered(batch: Batch, name: str, one: Callable[[Mapping[str, Any]], Any]) -> bytes:
    answers = each(one, batch.rows())
    for answer in answers:
        if isinstance(answer, ApiError):
            raise _failed(name, answer)
    return batch.answer(answers)


def _embedded(batch: Batch, texts: Sequence[Any]) -> list[Any]:
    given = [at for at, text in enumerate(texts) if text is not None]
    found: list[Any] = [None] * len(texts)

    def some(places: Sequence[int]) -> list[Any]:
        answer = _invoke(batch, {"input": [str(texts[at]) for at in places]})
        return [one["embedding"] for one in answer.get("data") or ()]

    parts = [given[at : at + TEXTS_AT_ONCE] for at in range(0, len(given), TEXTS_AT_ONCE)]
    for places, vectors in zip(parts, each(some, parts), strict=True):
        for at, place in enumerate(places):
            found[place] = vectors if isinstance(vectors, ApiError) else vectors[at]
    return found


def _invoke(batch: Batch, body: Mapping[str, Any]) -> dict[str, Any]:
    path = f"/serving-endpoints/{quote(str(batch.asked['endpoint']), safe='')}/invocations"
    return ask(batch.workspace, batch.authorization, path, body)


def text_of(answer: Mapping[str, Any]) -> str:
    """What a model said, in whichever of the usual shapes it answered."""
    if choices := answer.get("choices"):
        first = choices[0]
        content = (first.get("message") or {}).get("content", first.get("text"))
    elif messages := answer.get("messages"):
        content = messages[-1].get("content")
    elif output := answer.get("output"):
        parts = [one for item in output for one in item.get("content") or ()]
        content = "".join(str(one.get("text", "")) for one in parts)
    else:
        content = answer.get("predictions", json.dumps(answer))
    if isinstance(content, list):
        content = "".join(str(one.get("text", "")) for one in content if isinstance(one, Mapping))
    return content if isinstance(content, str) else json.dumps(content)


def _failed(name: str, fault: ApiError) -> ApiError:
    if fault.code in ("PERMISSION_DENIED", "RESOURCE_DOES_NOT_EXIST", "NOT_IMPLEMENTED"):
        return fault
    return ApiError(
        "AI_FUNCTION_HTTP_REQUEST_ERROR",
        f"Error occurred while making an HTTP request for function {name}: {fault.code}:"
        f" {fault.message}",
        status=400,
    )


def _summary(row: Mapping[str, Any]) -> str:
    most = row.get("max_words")
    most = 50 if most is None else most
    limit = f" in at most {most} words" if most else ""
    return f"Give a summary of the text{limit}. Answer with the summary alone."


TASKS: Final[Mapping[str, Callable[[Batch], bytes]]] = {
    "ai_query": query,
    "ai_extract": extract,
    "ai_classify": classify,
    "ai_similarity": similarity,
    "ai_gen": _prompted("ai_gen", lambda row: "", "prompt"),
    "ai_summarize": _prompted("ai_summarize", _summary, "content"),
    "ai_translate": _prompted(
        "ai_translate",
        lambda row: (
            f"Translate the text into the language '{row['to_lang']}'. Answer with the"
            " translation alone."
        ),
        "content",
    ),
    "ai_fix_grammar": _prompted(
        "ai_fix_grammar",
        lambda row: "Correct the grammar of the text. Answer with the corrected text alone.",
        "content",
    ),
    "ai_mask": _prompted(
        "ai_mask",
        lambda row: (
            "Replace everything in the text that is one of these by [MASKED]: "
            f"{', '.join(row['labels'] or ())}. Answer with the text alone."
        ),
        "content",
    ),
    "ai_analyze_sentiment": _prompted(
        "ai_analyze_sentiment",
        lambda row: f"What is the sentiment of the text? Answer with one of {', '.join(MOODS)}.",
        "content",
    ),
}
