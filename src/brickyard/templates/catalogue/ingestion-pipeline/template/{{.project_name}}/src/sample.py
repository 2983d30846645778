"""Sample orders, and what makes one usable: shared by the pipeline, the jobs and the tests."""

ORDERS = [
    {"id": 1, "day": "2026-01-01", "amount": 12.5},
    {"id": 2, "day": "2026-01-01", "amount": 7.0},
    {"id": 3, "day": "2026-01-02", "amount": 30.0},
    {"id": 4, "day": "2026-01-02", "amount": -1.0},
]
USABLE = "id IS NOT NULL AND amount > 0"
