from sample import USABLE
from pyspark import pipelines as dp


@dp.table(comment="Orders as they arrive, without those that can't be right.")
@dp.expect_or_drop("usable", USABLE)
def orders():
    files = spark.readStream.format("cloudFiles").option("cloudFiles.format", "json")
    files = files.schema("id INT, day STRING, amount DOUBLE")
    return files.load(spark.conf.get("landing") + "/orders")
