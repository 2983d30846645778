"""Foundation models with databricks-langchain: chat, tools, structured output, embeddings."""

from __future__ import annotations

CLIENT = "databricks-langchain"

CHAT = "databricks-meta-llama-3-3-70b-instruct"
TALK = [
    ("system", "Context: Our office is in Berlin. Shipping takes 5 days."),
    ("human", "Where is the office?"),
]


def probe_chat() -> None:
    """ChatDatabricks: invoke, stream, usage"""
    from databricks_langchain import ChatDatabricks

    model = ChatDatabricks(endpoint=CHAT)
    answer = model.invoke(TALK)
    assert answer.content == "Our office is in Berlin."
    assert answer.response_metadata["model_name"] == "brickyard-offline-extractive"
    text = "".join(str(one.content) for one in model.stream(TALK))
    assert text == "Our office is in Berlin."


def probe_tools() -> None:
    """ChatDatabricks.bind_tools and the loop of an agent"""
    from databricks_langchain import ChatDatabricks
    from langchain_core.messages import HumanMessage, ToolMessage
    from langchain_core.tools import tool

    @tool
    def get_weather(city: str) -> str:
        """Weather of a city."""
        return f"The weather in {city} is mild."

    model = ChatDatabricks(endpoint=CHAT).bind_tools([get_weather])
    talk = [HumanMessage("What is the weather in Oslo?")]
    first = model.invoke(talk)
    [call] = first.tool_calls
    talk += [first, ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])]
    assert model.invoke(talk).content == "The weather in Oslo is mild."


def probe_structured_output() -> None:
    """ChatDatabricks.with_structured_output by JSON schema"""
    from databricks_langchain import ChatDatabricks
    from pydantic import BaseModel

    class Facts(BaseModel):
        shipping_days: int
        office: str

    for method in ("json_schema", "function_calling"):
        found = (
            ChatDatabricks(endpoint=CHAT).with_structured_output(Facts, method=method).invoke(TALK)
        )
        assert isinstance(found, Facts)


def probe_responses() -> None:
    """ChatDatabricks over the Responses API"""
    from databricks_langchain import ChatDatabricks

    answer = ChatDatabricks(endpoint=CHAT, use_responses_api=True).invoke(TALK)
    assert "Berlin" in str(answer.content)


def probe_embeddings() -> None:
    """DatabricksEmbeddings"""
    from databricks_langchain import DatabricksEmbeddings

    model = DatabricksEmbeddings(endpoint="databricks-bge-large-en")
    one, other = model.embed_documents(["a refund", "an office"])
    assert len(one) == len(other) == 1024
    assert model.embed_query("a refund") == one
