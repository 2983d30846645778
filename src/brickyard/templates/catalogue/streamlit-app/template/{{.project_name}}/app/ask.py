"""Asking the endpoint, apart from the page: tested without Streamlit."""

from __future__ import annotations

from typing import Any


def answer_of(client: Any, endpoint: str, question: str) -> str:
    """The text that the agent behind the endpoint answers."""
    body = {"input": [{"role": "user", "content": question}]}
    said = client.api_client.do("POST", f"/serving-endpoints/{endpoint}/invocations", body=body)
    return text_of(said)


def text_of(said: dict[str, Any]) -> str:
    """The texts of an answer of the Responses API."""
    parts = [part for item in said.get("output", ()) for part in item.get("content", ())]
    return "\n".join(part["text"] for part in parts if "text" in part) or "No answer."
