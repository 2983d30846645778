"""What a client may choose a cluster from: runtimes, node types, zones.

A choice among well-known ones, so that clients which pick by rule find something. Others are
taken all the same. Sizes are those that the clouds publish.
"""

from __future__ import annotations

from typing import Any, Final

# Version, Spark, Scala; the long-term supported ones and the newest.
RUNTIMES: Final = (
    ("17.3", "4.0.0", "2.13", True),
    ("16.4", "3.5.2", "2.12", True),
    ("15.4", "3.5.0", "2.12", True),
    ("14.3", "3.5.0", "2.12", True),
    ("13.3", "3.4.1", "2.12", True),
)
# Id, cores, memory in MiB, GPUs, category, local disks.
NODES: Final = (
    ("m5d.large", 2, 8_192, 0, "General Purpose", 1),
    ("m5d.xlarge", 4, 16_384, 0, "General Purpose", 1),
    ("r5d.large", 2, 16_384, 0, "Memory Optimized", 1),
    ("i3.xlarge", 4, 31_232, 0, "Storage Optimized", 1),
    ("i3.2xlarge", 8, 62_464, 0, "Storage Optimized", 1),
    ("g4dn.xlarge", 4, 16_384, 1, "GPU Accelerated", 1),
    ("Standard_D4ds_v5", 4, 16_384, 0, "General Purpose", 1),
    ("Standard_DS3_v2", 4, 14_336, 0, "General Purpose", 0),
    ("n2-highmem-4", 4, 32_768, 0, "Memory Optimized", 0),
    ("n2-standard-4", 4, 16_384, 0, "General Purpose", 0),
)
ZONES: Final = ("us-east-1a", "us-east-1b", "us-east-1c")


def runtimes() -> list[dict[str, str]]:
    """`clusters/spark-versions`: each runtime, and its variant for machine learning."""
    found = []
    for version, spark, scala, is_lts in RUNTIMES:
        lts = " LTS" if is_lts else ""
        for variant, label in (("", ""), ("-cpu-ml", " ML"), ("-gpu-ml", " ML")):
            engine = "GPU, " if variant == "-gpu-ml" else ""
            found.append(
                {
                    "key": f"{version}.x{variant}-scala{scala}",
                    "name": f"{version}{lts}{label} (includes Apache Spark {spark}, {engine}Scala"
                    f" {scala})",
                }
            )
    return found


def node_types() -> list[dict[str, Any]]:
    """`clusters/list-node-types`."""
    return [
        {
            "node_type_id": id,
            "instance_type_id": id,
            "description": id,
            "memory_mb": memory,
            "num_cores": float(cores),
            "num_gpus": gpus,
            "category": category,
            "is_deprecated": False,
            "is_hidden": False,
            "is_io_cache_enabled": bool(disks),
            "support_cluster_tags": True,
            "support_ebs_volumes": not id.startswith(("Standard_", "n2-")),
            "support_port_forwarding": False,
            "node_instance_type": {
                "instance_type_id": id,
                "local_disks": disks,
                "local_nvme_disks": 0,
            },
            "node_info": {"status": [], "available_core_quota": 0.0, "total_core_quota": 0.0},
        }
        for id, cores, memory, gpus, category, disks in NODES
    ]
