"""Every route of the files domain."""

from brickyard.workspace.files.dbfs_routes import ROUTES as DBFS
from brickyard.workspace.files.fs_routes import ROUTES as FILES_API
from brickyard.workspace.files.workspace_routes import ROUTES as WORKSPACE

ROUTES = (*WORKSPACE, *FILES_API, *DBFS)
