"""The Thrift service of a SQL warehouse, as `databricks-sql-connector` and the drivers speak it."""
