"""The agent: answers from the passages that it is given. Replace `answer` by your own logic."""

import mlflow
from mlflow.pyfunc import ResponsesAgent
from mlflow.types.responses import ResponsesAgentRequest, ResponsesAgentResponse

PASSAGES = {
    "refund": "Refunds are paid within 14 days.",
    "delivery": "Orders are delivered within three working days.",
}


class Agent(ResponsesAgent):
    def predict(self, request: ResponsesAgentRequest) -> ResponsesAgentResponse:
        question = str(request.input[-1].content).lower()
        item = self.create_text_output_item(text=self.answer(question), id="answer")
        return ResponsesAgentResponse(output=[item])

    @mlflow.trace
    def answer(self, question: str) -> str:
        found = [text for word, text in PASSAGES.items() if word in question]
        return " ".join(found) or "I do not know."


mlflow.models.set_model(Agent())
