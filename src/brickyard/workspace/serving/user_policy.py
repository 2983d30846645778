"""What a model asks of its callers' rights: `AuthPolicy(user_auth_policy=…)` when it was logged.

Such a model acts on behalf of its callers through `ModelServingUserCredentials` of the SDK. That
looks for its credentials only where a file says that it runs in model serving; the file holds the
creator's token, which the process has anyway.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

CREDENTIALS = "model-dependencies-oauth-token"


def user_scopes_of(model: Path) -> frozenset[str]:
    """The scopes that the model in a folder asks for; none when it does not."""
    found: Any = yaml.load((model / "MLmodel").read_text(), Loader=_LOADER)
    for name in ("auth_policy", "user_auth_policy", "api_scopes"):
        found = found.get(name) if isinstance(found, dict) else None
    return frozenset(str(one) for one in found) if isinstance(found, list) else frozenset()


def credentials_file(folder: Path, token: str) -> dict[str, str]:
    """Write it, for the process alone; the environment that says where it is."""
    place = folder / "credentials"
    place.mkdir(mode=0o700, exist_ok=True)
    file = place / CREDENTIALS
    file.touch(mode=0o600)
    file.write_text(json.dumps({"OAUTH_TOKEN": [{"oauthTokenValue": token}]}))
    return {"SERVING_CREDENTIALS_DIR": str(place)}


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
