"""Clusters, instance pools, cluster policies and libraries: kept, with nothing running behind."""
