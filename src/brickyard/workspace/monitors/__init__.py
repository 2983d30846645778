"""Quality monitors (Lakehouse Monitoring): profiles of tables, kept in tables of metrics."""
