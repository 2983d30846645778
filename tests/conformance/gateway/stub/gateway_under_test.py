"""A stub provider in a process of its own, and a workspace as clients of its endpoints see it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

USAGE = "system.serving.endpoint_usage"
TRACKED = {"ai_gateway": {"usage_tracking_config": {"enabled": True}}}


class Stub:
    """The provider: `url` is its root, `seen(model)` how often a model was asked."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("stub_provider.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=10) as got:
            return json.loads(got.read())

    def seen(self, model: str) -> int:
        return int(self.get("/seen").get(model, 0))

    def stop(self) -> None:
        self._process.communicate("", timeout=10)


class Gateway:
    """The dev workspace as clients of endpoints see it."""

    def __init__(self, workspace: Any, stub: Stub, at: str = "dev") -> None:
        self.workspace = workspace
        self.stub = stub
        self.at = at

    @property
    def client(self) -> Any:
        """Made anew: a server that was started again has another port."""
        return self.workspace.client(self.at)

    def external(self, *models: str, **settings: Any) -> str:
        """An endpoint of external models of the stub; all traffic goes to the first one."""
        name = f"gw-{uuid.uuid4().hex[:8]}"
        config = {
            "openai_api_base": f"{self.stub.url}/v1",
            "openai_api_key_plaintext": "sk-plain",
        }
        entities = [
            {
                "name": f"m{at}",
                "external_model": {
                    "name": model,
                    "provider": "openai",
                    "task": "llm/v1/chat",
                    "openai_config": config,
                },
            }
            for at, model in enumerate(models)
        ]
        routes = [
            {"served_model_name": f"m{at}", "traffic_percentage": 0 if at else 100}
            for at in range(len(models))
        ]
        body = {
            "name": name,
            "config": {"served_entities": entities, "traffic_config": {"routes": routes}},
            **settings,
        }
        made = self.client.api_client.do("POST", "/api/2.0/serving-endpoints", body=body)
        assert made["state"]["config_update"] == "NOT_UPDATING"
        return name

    def ask(
        self, name: str, body: Any = None, *, token: str = "", path: str = "", timeout: float = 60
    ) -> tuple[int, Any, Any]:
        """(status, body, headers). A body that is no object is sent as it is."""
        given = body if body is not None else chat("hi")
        data = given if isinstance(given, bytes) else json.dumps(given).encode()
        request = urllib.request.Request(
            self.workspace.host(self.at) + (path or f"/serving-endpoints/{name}/invocations"),
            data=data,
            headers={
                "Authorization": f"Bearer {token or self.workspace.token(self.at)}",
                "Content-Type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout) as got:
                raw, status, headers = got.read(), got.status, got.headers
        except urllib.error.HTTPError as refused:
            raw, status, headers = refused.read(), refused.code, refused.headers
        kind = headers.get("Content-Type", "")
        return status, raw if "event-stream" in kind else json.loads(raw), headers

    def text(self, name: str, content: str, **more: Any) -> str:
        status, body, _ = self.ask(name, chat(content, **more))
        assert status == 200, body
        return str(body["choices"][0]["message"]["content"])


def chat(content: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}], **more}


def until(found: Any, seconds: float = 30) -> Any:
    """The first answer of `found` that is something, asked again and again."""
    give_up_at = time.monotonic() + seconds
    while True:
        answer = found()
        if answer or time.monotonic() > give_up_at:
            return answer
        time.sleep(0.2)


def rows(gateway: Gateway, table: str) -> list[dict[str, Any]]:
    """What the table holds, read as anybody with its files would."""
    from databricks.sdk.errors import NotFound
    from deltalake import DeltaTable

    try:
        location = gateway.client.tables.get(table).storage_location
    except NotFound:
        return []
    path = unquote(urlsplit(str(location)).path)
    found: list[dict[str, Any]] = DeltaTable(path).to_pyarrow_table().to_pylist()
    return found


def of_endpoint(gateway: Gateway, name: str) -> list[dict[str, Any]]:
    entities = {
        one["served_entity_id"]: one
        for one in rows(gateway, "system.serving.served_entities")
        if one["endpoint_name"] == name
    }
    return [one for one in rows(gateway, USAGE) if one["served_entity_id"] in entities]
