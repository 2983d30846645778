"""A served agent that acts on behalf of its callers, by the SDK's `ModelServingUserCredentials`.

Follows "On-behalf-of-user authentication" of the agent framework: the model names scopes when it is
logged, and its client then has the caller's rights within those scopes.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.serving import (
    ServingEndpointAccessControlRequest as Access,
)
from databricks.sdk.service.serving import ServingEndpointPermissionLevel as Level
from serving_models import Served

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow, pytest.mark.documented]

ACTS_FOR_CALLERS = """
import threading, time
import mlflow
from mlflow.pyfunc import PythonModel

class ForCallers(PythonModel):
    def predict(self, context, model_input: list[str], params=None) -> list[str]:
        return [getattr(self, one)() for one in model_input]

    def user(self):
        from databricks.sdk import WorkspaceClient
        from databricks_credentials import strategy
        return WorkspaceClient(credentials_strategy=strategy())

    def me(self):
        time.sleep(0.5)  # others come meanwhile
        return self.user().current_user.me().user_name

    def creator(self):
        from databricks.sdk import WorkspaceClient
        return WorkspaceClient().current_user.me().user_name

    def catalogs(self):
        return self.listed("catalogs")

    def warehouses(self):
        return self.listed("warehouses")

    def listed(self, what):
        try:
            return "some" if list(getattr(self.user(), what).list()) else "none"
        except Exception as fault:
            return type(fault).__name__ + ": " + str(fault).partition(". Config")[0]

    def thread(self):
        said = []
        def ask():
            try:
                said.append(self.user().current_user.me().user_name)
            except Exception as fault:
                said.append(type(fault).__name__)
        other = threading.Thread(target=ask)
        other.start()
        other.join()
        return said[0]

mlflow.models.set_model(ForCallers())
""".replace(
    "from databricks_credentials import strategy",
    "from databricks.sdk.credentials_provider import ModelServingUserCredentials as strategy",
)


@pytest.fixture(scope="module")
def endpoint(served: Served) -> str:
    from mlflow.models.auth_policy import AuthPolicy, SystemAuthPolicy, UserAuthPolicy

    policy = AuthPolicy(
        user_auth_policy=UserAuthPolicy(api_scopes=["iam.current-user:read", "sql.warehouses"]),
        system_auth_policy=SystemAuthPolicy(resources=[]),
    )
    model = served.register(
        "for_callers", ACTS_FOR_CALLERS, input_example=["creator"], auth_policy=policy
    )
    return served.create({"name": "it", "entity_name": model, "entity_version": "1"})


def ask(client: WorkspaceClient, endpoint: str, *questions: str) -> list[str]:
    answer = client.serving_endpoints.query(endpoint, inputs=list(questions))
    return [str(one) for one in answer.predictions or []]


def test_each_caller_is_who_the_model_acts_for(
    workspace: Any,
    served: Served,
    endpoint: str,
    somebody: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DATABRICKS_TOKEN")
    dev, robot = workspace.client("dev"), somebody()
    id = str(served.api.get(endpoint).id)
    allowed = Access(
        service_principal_name=robot.config.client_id, permission_level=Level.CAN_QUERY
    )
    served.api.update_permissions(id, access_control_list=[allowed])
    names = {dev: dev.current_user.me().user_name, robot: robot.config.client_id}
    callers = [dev, robot] * 3
    with ThreadPoolExecutor(len(callers)) as pool:
        said = list(pool.map(lambda one: ask(one, endpoint, "me", "creator"), callers))
    assert said == [[names[one], names[dev]] for one in callers]
    # Another thread belongs to nobody: better no token than that of whoever asked last.
    assert ask(robot, endpoint, "thread") in (["ValueError"], ["RuntimeError"])


def test_it_reaches_the_scopes_it_named_within_the_callers_own(
    workspace: Any, endpoint: str
) -> None:
    dev = workspace.client("dev")
    lacks = "PermissionDenied: Provided OAuth token does not have required scopes: "
    asked = ("me", "creator", "warehouses", "catalogs")
    me = dev.current_user.me().user_name
    assert ask(dev, endpoint, *asked) == [me, me, "some", lacks + "unity-catalog"]
    token = dev.tokens.create(lifetime_seconds=600, scopes=["model-serving"])
    narrow = workspace.client("dev", token=token.token_value)
    said = ask(narrow, endpoint, *asked)
    assert said == [me, me, lacks + "sql", lacks + "unity-catalog"]
