"""A sample table with known faults: what the evaluation measures the agent by."""

RANGES = {"age": (0.0, 120.0)}
KEY = "id"
PEOPLE = [
    {"id": 1, "age": 31.0, "email": "ann@example.com"},
    {"id": 2, "age": -4.0, "email": "bob@example.com"},
    {"id": 3, "age": 52.0, "email": None},
    {"id": 3, "age": 40.0, "email": "cid@example.com"},
    {"id": 5, "age": 200.0, "email": "dee@example.com"},
    {"id": 6, "age": 18.0, "email": "eve@example.com"},
]
FAULTS = {(1, "age"), (2, "email"), (3, "id"), (4, "age")}
