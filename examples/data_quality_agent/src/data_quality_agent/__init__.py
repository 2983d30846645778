"""A data-quality agent: it proposes rules for a table and checks each of them against the data."""
