"""Foundation models with databricks-langchain: chat, tools, structured output, embeddings."""

from __future__ import annotations

from typing import Any

from place import HOST, SCHEMA, TOKEN, unique

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


def probe_vector_search() -> None:
    """DatabricksVectorSearch: add, search, scores, filter, hybrid, MMR, retriever, tool, delete"""
    from databricks.ai_search.client import AISearchClient
    from databricks_langchain import (
        DatabricksEmbeddings,
        DatabricksVectorSearch,
        VectorSearchRetrieverTool,
    )
    from langchain_core.documents import Document

    client = AISearchClient(workspace_url=HOST, personal_access_token=TOKEN, disable_notice=True)
    endpoint, name = unique("search").replace("_", "-"), f"{SCHEMA}.{unique('docs')}"
    client.create_endpoint_and_wait(endpoint)
    client.create_direct_access_index(
        endpoint_name=endpoint,
        index_name=name,
        primary_key="id",
        embedding_dimension=1024,
        embedding_vector_column="vector",
        schema={"id": "string", "text": "string", "kind": "string", "vector": "array<float>"},
    )
    embedding = DatabricksEmbeddings(endpoint="databricks-gte-large-en")
    given: dict[str, Any] = {"embedding": embedding, "text_column": "text"}
    store = DatabricksVectorSearch(index_name=name, columns=["id", "kind"], **given)
    texts = {"1": "hiking boots for wet trails", "2": "a down sleeping bag", "3": "hiking poles"}
    store.add_documents(
        [Document(page_content=text, metadata={"kind": f"k{id}"}) for id, text in texts.items()],
        ids=list(texts),
    )
    question = "boots for hiking"
    assert store.similarity_search(question, k=1)[0].metadata == {"id": "1", "kind": "k1"}
    found = store.similarity_search_with_score(question, k=3)
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    [other] = store.similarity_search(question, k=3, filter={"kind": "k2"})
    assert other.page_content == texts["2"]
    [first] = store.similarity_search(question, k=1, query_type="HYBRID")
    assert first.page_content == texts["1"]
    diverse = store.max_marginal_relevance_search(question, k=2, fetch_k=3)
    assert diverse[0].page_content == texts["1"]
    assert len(diverse) == 2
    assert store.as_retriever(search_kwargs={"k": 1}).invoke(question)[0].page_content == texts["1"]
    tool = VectorSearchRetrieverTool(
        index_name=name, tool_name="docs", tool_description="Documents", columns=["id"], **given
    )
    assert texts["1"] in str(tool.invoke(question))
    store.delete(["1"])
    assert store.similarity_search(question, k=1)[0].page_content == texts["3"]
    client.delete_index(endpoint, name)
    client.delete_endpoint(endpoint)
