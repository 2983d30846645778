"""AI functions of SQL: `ai_query` asks any serving endpoint, the others a chat model for a task.

Follows "AI Functions on Databricks". `offers.py` reads a call, `tasks.py` answers a batch of rows
by requests to serving endpoints as the caller.
"""
