"""Answers questions from a library of documents, with its sources."""
