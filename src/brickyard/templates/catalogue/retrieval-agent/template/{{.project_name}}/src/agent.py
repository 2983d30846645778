"""The agent: finds the passage that is nearest to a question, and answers with it.

Replace `answer` by a language model that is given the passages.
"""

import mlflow
from databricks.sdk import WorkspaceClient
from mlflow.entities import Document, SpanType
from mlflow.pyfunc import ResponsesAgent
from mlflow.types.responses import ResponsesAgentRequest, ResponsesAgentResponse
from passages import embed

UNKNOWN = "I do not know."
LEAST = 0.45  # of the score: below it, a passage has hardly a word in common


class Agent(ResponsesAgent):
    def __init__(self) -> None:
        self.index = mlflow.models.ModelConfig(development_config={"index": ""}).get("index")

    def predict(self, request: ResponsesAgentRequest) -> ResponsesAgentResponse:
        question = str(request.input[-1].content)
        item = self.create_text_output_item(text=self.answer(self.retrieve(question)), id="answer")
        return ResponsesAgentResponse(output=[item])

    @mlflow.trace(span_type=SpanType.RETRIEVER)
    def retrieve(self, question: str) -> list[Document]:
        vector = embed(question)
        if not self.index or not any(vector):
            return []
        found = WorkspaceClient().vector_search_indexes.query_index(
            self.index, columns=["id", "text"], query_vector=vector, num_results=2
        )
        rows = (found.result.data_array if found.result else None) or []
        return [
            Document(page_content=str(text), metadata={"doc_uri": str(key), "score": float(score)})
            for key, text, score in rows
            if float(score) >= LEAST
        ]

    def answer(self, passages: list[Document]) -> str:
        return passages[0].page_content if passages else UNKNOWN


mlflow.models.set_model(Agent())
