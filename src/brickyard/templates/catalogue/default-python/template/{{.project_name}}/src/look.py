# Databricks notebook source
# MAGIC %md
# MAGIC # What is there

# COMMAND ----------

dbutils.widgets.text("catalog", "")
dbutils.widgets.text("schema", "")
table = f"{dbutils.widgets.get('catalog')}.{dbutils.widgets.get('schema')}.numbers"
display(spark.table(table))
