"""Sends a text through an HTTP connection of Unity Catalog, such as one to a chat.

Without the name of a connection the text is printed: so the job can be tried before there is one.
"""

from __future__ import annotations

import sys


def send(connection: str, text: str) -> str:
    """Says what was done."""
    if not connection:
        return f"no connection is named; this would be sent: {text}"
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.serving import ExternalFunctionRequestHttpMethod

    client = WorkspaceClient()
    client.serving_endpoints.http_request(
        conn=connection,
        method=ExternalFunctionRequestHttpMethod.POST,
        path="/",
        json={"text": text},
    )
    return f"sent through {connection}: {text}"


def main() -> None:
    connection, text = (*sys.argv[1:], "", "")[:2]
    print(send(connection, text))


if __name__ == "__main__":
    main()
