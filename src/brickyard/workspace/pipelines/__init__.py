"""Declarative pipelines: what is kept of them, their updates and events."""
