"""The agent: is given rows, says which of them break a rule and which. Replace its wording, or let
a language model propose further rules.
"""

import mlflow
from mlflow.pyfunc import ResponsesAgent
from mlflow.types.responses import ResponsesAgentRequest, ResponsesAgentResponse
from people import KEY, RANGES
from rules import Breach, check


class Agent(ResponsesAgent):
    def predict(self, request: ResponsesAgentRequest) -> ResponsesAgentResponse:
        rows = list((request.custom_inputs or {}).get("rows", ()))
        found = self.examine(rows)
        text = "\n".join(str(one) for one in found) or "Every row keeps the rules."
        item = self.create_text_output_item(text=text, id="answer")
        breaches = [{"rule": one.rule, "column": one.column, "row": one.row} for one in found]
        return ResponsesAgentResponse(
            output=[item], custom_outputs={"breaches": breaches, "rows": len(rows)}
        )

    @mlflow.trace
    def examine(self, rows: list) -> list[Breach]:
        return check(rows, RANGES, KEY)


mlflow.models.set_model(Agent())
