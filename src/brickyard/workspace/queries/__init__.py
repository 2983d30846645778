"""Saved queries: SQL texts with a name, a folder, parameters and permissions."""
