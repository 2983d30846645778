"""Functions that the workspace runs for SQL and for agents.

Python functions of Unity Catalog in processes of their own; the columns that the Spark engine sends
to functions which are not its own.
"""
