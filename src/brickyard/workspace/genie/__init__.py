"""Genie spaces: kept with their instructions; no model answers in them."""
