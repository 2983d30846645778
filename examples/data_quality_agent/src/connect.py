# Databricks notebook source
# MAGIC %md
# MAGIC # Connect
# MAGIC Puts two foundation models of this workspace behind the endpoint `language_model`; the
# MAGIC second answers when the first does not. They are reached with a token of who deploys, which
# MAGIC is made and kept in the secret scope unless one is there that lasts a while yet.

# COMMAND ----------

import json
import time

from databricks.sdk import WorkspaceClient
from databricks.sdk.service import serving

DAY_S = 24 * 60 * 60
LASTS_S, RENEWED_S = 90 * DAY_S, 30 * DAY_S
KEY = "token"

for name in ("endpoint", "scope", "first", "second"):
    dbutils.widgets.text(name, "")
endpoint, scope = dbutils.widgets.get("endpoint"), dbutils.widgets.get("scope")
models = {name: dbutils.widgets.get(name) for name in ("first", "second")}
comment = f"language models behind the gateway, kept in {scope}"

# COMMAND ----------

client = WorkspaceClient()
own = [one for one in client.tokens.list() if one.comment == comment]
lasting = [one for one in own if (one.expiry_time or 0) / 1000 > time.time() + RENEWED_S]
has_secret = KEY in {one.key for one in client.secrets.list_secrets(scope)}
is_new = not (lasting and has_secret)
if is_new:
    made = client.tokens.create(comment=comment, lifetime_seconds=LASTS_S)
    client.secrets.put_secret(scope, KEY, string_value=made.token_value)
    for one in own:
        client.tokens.delete(one.token_id)
print(f"{scope}/{KEY}: {'a new token' if is_new else 'the token there is lasts long enough'}")

# COMMAND ----------

here = serving.DatabricksModelServingConfig(
    databricks_workspace_url=client.config.host,
    databricks_api_token=f"{{{{secrets/{scope}/{KEY}}}}}",
)
entities = [
    serving.ServedEntityInput(
        name=name,
        external_model=serving.ExternalModel(
            name=model,
            provider=serving.ExternalModelProvider.DATABRICKS_MODEL_SERVING,
            task="llm/v1/chat",
            databricks_model_serving_config=here,
        ),
    )
    for name, model in models.items()
]
shares = {"first": 100, "second": 0}  # the second is asked when the first fails
config = client.serving_endpoints.get(endpoint).config
served = [
    (one.name, one.external_model.name, one.external_model.databricks_model_serving_config)
    for one in (config.served_entities if config else None) or ()
    if one.external_model
]
is_served = served == [(name, model, here) for name, model in models.items()]
if not is_served:
    client.serving_endpoints.update_config_and_wait(
        endpoint,
        served_entities=entities,
        traffic_config=serving.TrafficConfig(
            routes=[
                serving.Route(served_entity_name=name, traffic_percentage=share)
                for name, share in shares.items()
            ]
        ),
    )
print(f"{endpoint}: {' then '.join(models.values())}")
outcome = {"endpoint": endpoint, "models": models, "is_new_token": is_new}
dbutils.notebook.exit(json.dumps(outcome))
