"""Spark: a Spark Connect gateway that knows the catalog's rights, in front of Sail processes.

`engine.py` is the front door; `service.py` follows one plan from request to answer.
"""
