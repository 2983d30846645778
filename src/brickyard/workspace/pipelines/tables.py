"""The tables of pipelines. Events are kept whole, as JSON; columns are for searching."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, String, Table

from brickyard.workspace.kernel import METADATA, document_table

PIPELINES = document_table("pipelines_pipelines")
UPDATES = Table(
    "pipelines_updates",
    METADATA,
    Column("update_id", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("pipeline_id", String, nullable=False),
    Column("number", Integer, nullable=False),  # of the pipeline, from 1
    Column("created_ms", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("request", JSON, nullable=False),  # what it was started with
    Index("pipelines_updates_of", "workspace", "pipeline_id", "number"),
    Index("pipelines_updates_active", "is_active"),
)
EVENTS = Table(
    "pipelines_events",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("workspace", String, nullable=False),
    Column("pipeline_id", String, nullable=False),
    Column("update_id", String, nullable=False),
    Column("id", String, nullable=False),
    Column("timestamp", String, nullable=False),  # RFC 3339, so it sorts as text
    Column("level", String, nullable=False),
    Column("event_type", String, nullable=False),
    Column("event", JSON, nullable=False),
    Index("pipelines_events_of", "workspace", "pipeline_id", "sequence"),
)
