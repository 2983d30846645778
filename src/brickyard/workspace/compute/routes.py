"""Clusters, instance pools, cluster policies and libraries, as compute.* of the SDK calls them."""

from __future__ import annotations

from brickyard.workspace.compute.cluster_routes import ROUTES as CLUSTERS
from brickyard.workspace.compute.library_routes import ROUTES as LIBRARIES
from brickyard.workspace.compute.policy_routes import ROUTES as POLICIES
from brickyard.workspace.compute.pool_routes import ROUTES as POOLS

ROUTES = (*CLUSTERS, *POOLS, *POLICIES, *LIBRARIES)
