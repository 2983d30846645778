"""AI/BI (Lakeview) dashboards: kept, published, scheduled; not drawn."""
