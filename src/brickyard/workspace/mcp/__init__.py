"""The managed MCP servers: functions, vector search indexes, SQL, and services behind connections.

One endpoint each, at the URLs that Databricks documents; `protocol.py` speaks the protocol, the
other modules are the tools of one server each.
"""
