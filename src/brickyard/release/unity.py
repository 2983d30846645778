"""Unity Catalog as environments and evidence ask it, by Databricks' public REST: catalogs,
workspace bindings, grants. Answers are kept for the life of one command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from brickyard.deploy import ApiFailure, Workspace
from brickyard.deploy.http import segment

Json = Mapping[str, Any]

BASE: Final = "/api/2.1/unity-catalog"
ISOLATED: Final = "ISOLATED"
READ_ONLY: Final = "BINDING_TYPE_READ_ONLY"
READ_WRITE: Final = "BINDING_TYPE_READ_WRITE"
NO_ACCESS: Final = "none"


@dataclass(frozen=True, slots=True)
class Unity:
    """One workspace's view of the metastore."""

    client: Workspace
    _known: dict[str, Any] = field(default_factory=dict)

    def catalogs(self) -> dict[str, Json]:
        """Name to catalog, of those that the caller may see."""
        if "catalogs" not in self._known:
            found = self.client.pages(f"{BASE}/catalogs", "catalogs", {"include_browse": True})
            self._known["catalogs"] = {str(one["name"]): one for one in found}
        known: dict[str, Json] = self._known["catalogs"]
        return known

    def schemas(self, catalog: str) -> list[str]:
        """Names of a catalog's schemas."""
        found = self.client.pages(f"{BASE}/schemas", "schemas", {"catalog_name": catalog})
        return [str(one["full_name"]) for one in found]

    def bindings(self, catalog: str) -> dict[int, str] | None:
        """Workspace id to binding type; None for a catalog that is open to all."""
        key = f"bindings {catalog}"
        if key not in self._known:
            self._known[key] = self._bindings(catalog)
        known: dict[int, str] | None = self._known[key]
        return known

    def _bindings(self, catalog: str) -> dict[int, str] | None:
        about = self.catalogs().get(catalog, {})
        if about.get("isolation_mode", "OPEN") != ISOLATED:
            return None
        path = f"{BASE}/bindings/catalog/{segment(catalog)}"
        found = self.client.pages(path, "bindings", {})
        return {int(one["workspace_id"]): str(one.get("binding_type", READ_WRITE)) for one in found}

    def binding_here(self, catalog: str) -> str:
        """How a catalog is bound to this workspace: a binding type, or `none`."""
        listed = self.bindings(catalog)
        if listed is None:
            return READ_WRITE
        return listed.get(int(self.client.workspace_id() or 0), NO_ACCESS)

    def grants(self, kind: str, name: str) -> dict[str, frozenset[str]]:
        """Principal to the privileges that are granted on this very securable."""
        return self._assignments(f"permissions/{kind}/{segment(name)}", plain=True)

    def effective(self, kind: str, name: str) -> dict[str, frozenset[str]]:
        """Principal to privileges, inherited ones too."""
        return self._assignments(f"effective-permissions/{kind}/{segment(name)}", plain=False)

    def _assignments(self, path: str, *, plain: bool) -> dict[str, frozenset[str]]:
        answer = self.client.get(f"{BASE}/{path}")
        found: dict[str, frozenset[str]] = {}
        for one in answer.get("privilege_assignments") or ():
            held = one.get("privileges") or ()
            names = held if plain else [each.get("privilege", "") for each in held]
            found[str(one["principal"])] = frozenset(str(name) for name in names)
        return found

    def groups_of(self, principal: str) -> tuple[str, ...]:
        """Names of the groups of a user or a service principal; none where nobody tells."""
        for path, attribute in (("ServicePrincipals", "applicationId"), ("Users", "userName")):
            try:
                answer = self.client.get(
                    f"/api/2.0/preview/scim/v2/{path}", {"filter": f'{attribute} eq "{principal}"'}
                )
            except ApiFailure:
                continue
            for one in answer.get("Resources") or ():
                return tuple(str(group.get("display", "")) for group in one.get("groups") or ())
        return ()
