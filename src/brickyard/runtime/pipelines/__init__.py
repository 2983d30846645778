"""An update of a declarative pipeline: `python -m brickyard.runtime.pipelines SPEC`.

Loads the pipeline's sources (Python with `dlt` or `pyspark.pipelines`, SQL), analyses the graph of
its datasets, and writes their tables in order. What happens goes to `events.jsonl`, how it ended
to `result.json` of the update's folder.
"""
