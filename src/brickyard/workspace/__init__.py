"""The embedded workspace: a server that official clients take for a Databricks workspace.

One process, one metastore, three workspaces (dev, staging, prod) on loopback ports of their own.
`kernel` is the frame (routing, requests, errors, storage); every other folder is one domain, with
`routes.py` (HTTP) over `engine.py` (state and behaviour, knows no HTTP).
"""
