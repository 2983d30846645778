"""Brickyard: generative and agentic solutions, deployed to Databricks or to one machine."""

__version__ = "0.1.0"
