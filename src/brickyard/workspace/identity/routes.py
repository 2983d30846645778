"""Every route of the identity domain."""

from brickyard.workspace.identity.oauth_routes import ROUTES as OAUTH
from brickyard.workspace.identity.scim_routes import ROUTES as SCIM
from brickyard.workspace.identity.token_routes import ROUTES as TOKENS

ROUTES = (*OAUTH, *SCIM, *TOKENS)
