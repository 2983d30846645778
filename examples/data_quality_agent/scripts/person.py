"""Somebody else, to try approvals with on one machine: `eval "$(python scripts/person.py NAME)"`.

Makes the groups that brickyard.yml names and a service principal in one of them, in the embedded
workspace that DATABRICKS_HOST and DATABRICKS_TOKEN point to, and prints the exports that let the
next command speak for it. In a real workspace people are there already and sign in themselves.
"""

from __future__ import annotations

import argparse

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.iam import ComplexValue, Patch, PatchOp, PatchSchema

GROUPS = {"owner": "data-quality-owners", "operator": "data-quality-operators"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--as", dest="role", choices=list(GROUPS), default="operator")
    given = parser.parse_args()
    admin = WorkspaceClient()
    groups = {role: _group(admin, name) for role, name in GROUPS.items()}
    person = next(admin.service_principals.list(filter=f'displayName eq "{given.name}"'), None)
    person = person or admin.service_principals.create(display_name=given.name)
    admin.groups.patch(
        groups[given.role],
        operations=[
            Patch(op=PatchOp.ADD, value={"members": [ComplexValue(value=str(person.id)).as_dict()]})
        ],
        schemas=[PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP],
    )
    secret = admin.service_principal_secrets_proxy.create(str(person.id), lifetime="3600s")
    own = WorkspaceClient(
        host=admin.config.host,
        client_id=person.application_id,
        client_secret=secret.secret,
        auth_type="oauth-m2m",
    )
    token = own.config.authenticate()["Authorization"].removeprefix("Bearer ")
    print(f"export DATABRICKS_HOST={admin.config.host} DATABRICKS_TOKEN={token}")
    print(f"# {given.name}, of {GROUPS[given.role]}, is {person.application_id} here")


def _group(admin: WorkspaceClient, name: str) -> str:
    found = next(admin.groups.list(filter=f'displayName eq "{name}"'), None)
    return str((found or admin.groups.create(display_name=name)).id)


if __name__ == "__main__":
    main()
