"""Imports: modules of the bundle are followed, of all others the name is kept."""

from __future__ import annotations

import ast

from brickyard.policy.abstract_values import External, Module
from brickyard.policy.following.machine import NOTEBOOK_GLOBALS, Machine
from brickyard.policy.library import NOTHING
from brickyard.policy.scopes import Frame


class Imports(Machine):
    """Imports: modules of the bundle are followed, of all others the name is kept."""

    def _import(self, node: ast.Import | ast.ImportFrom, frame: Frame) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.split(".")[0]
                dotted = alias.name if alias.asname else name
                loaded = self._load_packages(alias.name)
                module = loaded if alias.asname else self._load(name) if loaded else None
                frame.variables[name] = module or loaded or External(dotted)
            return
        dotted = "." * node.level + (node.module or "")
        module = self._load(dotted)
        for alias in node.names:
            name = alias.asname or alias.name
            if module is not None and alias.name in module.variables:
                frame.variables[name] = module.variables[alias.name]
            elif module is not None and alias.name == "*":
                frame.variables.update(
                    {k: v for k, v in module.variables.items() if not k.startswith("_")}
                )
            else:
                below = self._load(
                    f"{dotted.rstrip('.')}.{alias.name}" if node.module else f"{dotted}{alias.name}"
                )
                is_global = alias.name in NOTEBOOK_GLOBALS and not dotted.startswith(
                    "databricks.sql"
                )
                is_global = is_global and f"{dotted}.{alias.name}" != "databricks.sql"
                chain = alias.name if is_global else f"{dotted}.{alias.name}"
                value = self._library.constant(chain)
                frame.variables[name] = below or (External(chain) if value is NOTHING else value)

    def _load_packages(self, dotted: str) -> Module | None:
        """`import a.b.c`: each package with the next as its attribute; the last module."""
        parts = dotted.split(".")
        before: Module | None = None
        for at in range(len(parts)):
            found = self._load(".".join(parts[: at + 1]))
            if before is not None and found is not None:
                before.variables.setdefault(parts[at], found)
            before = found
        return before

    def _load(self, dotted: str) -> Module | None:
        found = self._find_module(dotted, self._effects.file)
        if found is None:
            return None
        file, tree = found
        if file not in self.loaded:
            module = Module(file=file, variables={"__name__": dotted, "__file__": file})
            self.loaded[file] = module
            frame = Frame(module.variables, module, {})
            self._within(file, lambda: self._block(tree.body, frame))
        return self.loaded[file]
