"""Every route of the identity domain."""

from brickyard.workspace.identity.oauth_routes import ROUTES as OAUTH
from brickyard.workspace.identity.scim_routes import ROUTES as SCIM
from brickyard.workspace.identity.sign_in import ROUTES as SIGN_IN
from brickyard.workspace.identity.token_routes import ROUTES as TOKENS

ROUTES = (*OAUTH, *SCIM, *SIGN_IN, *TOKENS)
