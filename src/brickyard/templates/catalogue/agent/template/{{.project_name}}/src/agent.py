"""The agent, as a model of MLflow: it answers as `answers.py` says."""

import mlflow
from answers import answer
from mlflow.pyfunc import ResponsesAgent
from mlflow.types.responses import ResponsesAgentRequest, ResponsesAgentResponse


class Agent(ResponsesAgent):
    def predict(self, request: ResponsesAgentRequest) -> ResponsesAgentResponse:
        said = mlflow.trace(answer)(str(request.input[-1].content))
        return ResponsesAgentResponse(output=[self.create_text_output_item(text=said, id="answer")])


mlflow.models.set_model(Agent())
