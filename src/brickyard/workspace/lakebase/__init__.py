"""Lakebase: database instances and projects, and what Unity Catalog shows of them.

Everything is kept as it is told; no PostgreSQL runs behind it.
"""
