"""What user code sees inside a task's process: `spark`, `dbutils`, `display`, notebooks.

`python -m brickyard.runtime.task SPEC` runs one notebook, Python file or wheel entry point as
Databricks does. Talks to the workspace over HTTP only; standard library only until user code asks
for more, as it is on the way of every task's start.
"""
