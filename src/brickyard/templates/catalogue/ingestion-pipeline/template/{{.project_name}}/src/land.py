# Databricks notebook source
import json
from pathlib import Path

from sample import ORDERS

for name in ("catalog", "schema"):
    dbutils.widgets.text(name, "")
catalog, schema = (dbutils.widgets.get(name) for name in ("catalog", "schema"))

# COMMAND ----------

# Replace this by whatever brings your files: each is read once, so a new one has a new name.
folder = Path(f"/Volumes/{catalog}/{schema}/landing/orders")
folder.mkdir(parents=True, exist_ok=True)
(folder / "orders-1.json").write_text("\n".join(json.dumps(order) for order in ORDERS) + "\n")
dbutils.notebook.exit(json.dumps({"landed": len(ORDERS)}))
