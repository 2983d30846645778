"""Brickyard: assemble and deploy generative and agentic solutions, on Databricks or on one machine."""

__version__ = "0.1.0"
