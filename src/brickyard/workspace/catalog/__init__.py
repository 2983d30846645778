"""Unity Catalog: one metastore for the three workspaces, its objects, rights and lineage.

`access.py` is the single decision point: every route, the Spark gateway and the sandbox of a task
ask it. The other modules are one noun each; `engine.py` is the front door for other domains.
"""
