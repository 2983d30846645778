"""SQL alerts, version 2: kept, and evaluated on their schedules; nobody is notified."""
