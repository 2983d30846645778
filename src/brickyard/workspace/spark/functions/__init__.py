"""Functions of Unity Catalog in SQL: finding their calls, and giving the engine what it can run.

The engine has no CREATE FUNCTION of its own. A SQL function's body takes the place of its call;
a Python function becomes a call of a remote function, which sends columns to the workspace and
gets one back (`remote.py`), so that its code runs in a process of its own and never in the engine.
"""
