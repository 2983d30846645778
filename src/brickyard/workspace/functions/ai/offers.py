"""How calls of AI functions are read: what they return, and what the engine sends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from brickyard.workspace.functions.ai.models import Model, model_behind
from brickyard.workspace.functions.offers import Bound, Offer
from brickyard.workspace.spark.refusals import Refusal

CHAT_ENDPOINT: Final = "databricks-meta-llama-3-3-70b-instruct"
EMBEDDING_ENDPOINT: Final = "databricks-gte-large-en"
QUERY: Final = ("endpoint", "request", "returnType", "failOnError", "modelParameters")

# name -> (parameters, how many are required, what is returned, types of the columns)
TASKS: Final[Mapping[str, tuple[tuple[str, ...], int, str, Mapping[str, str]]]] = {
    "ai_gen": (("prompt",), 1, "STRING", {"prompt": "STRING"}),
    "ai_summarize": (
        ("content", "max_words"),
        1,
        "STRING",
        {"content": "STRING", "max_words": "INT"},
    ),
    "ai_classify": (
        ("content", "labels"),
        2,
        "STRING",
        {"content": "STRING", "labels": "ARRAY<STRING>"},
    ),
    "ai_analyze_sentiment": (("content",), 1, "STRING", {"content": "STRING"}),
    "ai_fix_grammar": (("content",), 1, "STRING", {"content": "STRING"}),
    "ai_translate": (
        ("content", "to_lang"),
        2,
        "STRING",
        {"content": "STRING", "to_lang": "STRING"},
    ),
    "ai_mask": (
        ("content", "labels"),
        2,
        "STRING",
        {"content": "STRING", "labels": "ARRAY<STRING>"},
    ),
    "ai_similarity": (("expr1", "expr2"), 2, "FLOAT", {"expr1": "STRING", "expr2": "STRING"}),
}
NOT_HERE: Final[Mapping[str, str]] = {
    "ai_forecast": "Forecast in Python, with a library of your choice.",
    "ai_parse_document": "Parse documents in Python, with a library of your choice.",
}


def offers(serving: Any, catalog: Any) -> tuple[Offer, ...]:
    def query(bound: Bound) -> str:
        caller = bound.asked.caller
        name = str(bound.constants["endpoint"])
        endpoint = serving.find(caller.principal, caller.workspace, name, "CAN_QUERY")
        return _query(bound, name, model_behind(endpoint, catalog))

    return (
        Offer(
            name="ai_query",
            parameters=(*QUERY, "responseFormat"),
            required=2,
            constants=frozenset({"endpoint", "returnType", "failOnError"}),
            write=query,
        ),
        Offer(
            name="ai_extract",
            parameters=("content", "labels"),
            required=2,
            constants=frozenset({"labels"}),
            write=_extract,
        ),
        *(
            Offer(name=name, parameters=parameters, required=required, write=_task(name))
            for name, (parameters, required, _, _) in TASKS.items()
        ),
        *(Offer(name=name, way_out=way_out) for name, way_out in NOT_HERE.items()),
    )


def _query(bound: Bound, endpoint: str, model: Model) -> str:
    returns = bound.constants.get("returnType") or model.returns
    if not returns:
        raise Refusal(
            "AI_FUNCTION_MODEL_SCHEMA_PARSE_ERROR",
            f"The model of endpoint '{endpoint}' has no signature with outputs: give returnType.",
            sql_state="2203G",
        )
    fails = bound.constants.get("failOnError") is not False
    request = {
        "kind": "ai_query",
        "endpoint": endpoint,
        "form": model.form,
        "is_text": model.is_text and not bound.constants.get("returnType"),
        "fails": fails,
    }
    columns = {
        "request": "" if model.form == "records" else "STRING",
        "modelParameters": "",
        "responseFormat": "STRING",
    }
    whole = returns if fails else f"STRUCT<result: {returns}, errorMessage: STRING>"
    return bound.remote(request, whole, columns)


def _extract(bound: Bound) -> str:
    labels = bound.constants["labels"]
    if not isinstance(labels, list) or not labels or not all(isinstance(x, str) for x in labels):
        raise Refusal(
            "DATATYPE_MISMATCH", "ai_extract: labels must be an array of texts.", sql_state="42K09"
        )
    fields = ", ".join(f"`{one}`: STRING" for one in dict.fromkeys(labels))
    request = {"kind": "ai_extract", "endpoint": CHAT_ENDPOINT, "labels": labels}
    return bound.remote(request, f"STRUCT<{fields}>", {"content": "STRING"})


def _task(name: str) -> Any:
    _, _, returns, columns = TASKS[name]
    endpoint = EMBEDDING_ENDPOINT if name == "ai_similarity" else CHAT_ENDPOINT
    return lambda bound: bound.remote({"kind": name, "endpoint": endpoint}, returns, columns)
