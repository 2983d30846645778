"""Foundation models with databricks-openai: chat, tools, responses, embeddings, the AI gateway."""

from __future__ import annotations

import asyncio
import json

CLIENT = "databricks-openai"

CHAT = "databricks-claude-sonnet-4"
TALK = [
    {"role": "system", "content": "Context: Our office is in Berlin."},
    {"role": "user", "content": "Where is the office?"},
]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


def probe_chat() -> None:
    """chat completions, plain and streamed"""
    from databricks_openai import DatabricksOpenAI

    client = DatabricksOpenAI()
    answer = client.chat.completions.create(model=CHAT, messages=TALK)
    assert answer.choices[0].message.content == "Our office is in Berlin."
    chunks = client.chat.completions.create(model=CHAT, messages=TALK, stream=True)
    text = "".join(one.choices[0].delta.content or "" for one in chunks)
    assert text == "Our office is in Berlin."


def probe_tools() -> None:
    """tool calls and their results"""
    from databricks_openai import DatabricksOpenAI

    client = DatabricksOpenAI()
    talk = [{"role": "user", "content": "What is the weather in Oslo?"}]
    first = client.chat.completions.create(model=CHAT, messages=talk, tools=[TOOL])
    [call] = first.choices[0].message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Oslo"}
    talk.append(first.choices[0].message.model_dump(exclude_none=True))
    talk.append({"role": "tool", "tool_call_id": call.id, "content": "Oslo has mild weather."})
    second = client.chat.completions.create(model=CHAT, messages=talk, tools=[TOOL])
    assert second.choices[0].message.content == "Oslo has mild weather."


def probe_responses() -> None:
    """the Responses API, plain and streamed"""
    from databricks_openai import DatabricksOpenAI

    client = DatabricksOpenAI()
    asked = {"model": CHAT, "instructions": TALK[0]["content"], "input": TALK[1]["content"]}
    assert client.responses.create(**asked).output_text == "Our office is in Berlin."
    kinds = [one.type for one in client.responses.create(**asked, stream=True)]
    assert kinds[-1] == "response.completed"


def probe_async() -> None:
    """the asynchronous client"""
    from databricks_openai import AsyncDatabricksOpenAI

    async def ask() -> str:
        answer = await AsyncDatabricksOpenAI().chat.completions.create(model=CHAT, messages=TALK)
        return str(answer.choices[0].message.content)

    assert asyncio.run(ask()) == "Our office is in Berlin."


def probe_ai_gateway() -> None:
    """the AI gateway's addresses: use_ai_gateway, use_ai_gateway_native_api"""
    from databricks_openai import DatabricksOpenAI

    for option in ("use_ai_gateway", "use_ai_gateway_native_api"):
        client = DatabricksOpenAI(**{option: True})
        answer = client.chat.completions.create(model=CHAT, messages=TALK)
        assert answer.choices[0].message.content == "Our office is in Berlin."


def probe_errors() -> None:
    """errors become OpenAI's own exceptions"""
    import openai
    from databricks_openai import DatabricksOpenAI

    client = DatabricksOpenAI(max_retries=0)
    try:
        client.chat.completions.create(model="no-such-endpoint", messages=TALK)
    except openai.NotFoundError:
        return
    raise AssertionError("a missing endpoint answered")


def probe_sdk_client() -> None:
    """WorkspaceClient().serving_endpoints.get_open_ai_client()"""
    from databricks.sdk import WorkspaceClient

    client = WorkspaceClient().serving_endpoints.get_open_ai_client()
    answer = client.chat.completions.create(model=CHAT, messages=TALK)
    assert answer.choices[0].message.content == "Our office is in Berlin."
    vectors = client.embeddings.create(model="databricks-gte-large-en", input=["a", "b"])
    assert [len(one.embedding) for one in vectors.data] == [1024, 1024]
