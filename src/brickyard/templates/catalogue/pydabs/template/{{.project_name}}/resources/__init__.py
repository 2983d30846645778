from databricks.bundles.core import Bundle, Resources, load_resources_from_current_package_module


def load_resources(bundle: Bundle) -> Resources:
    """Every resource that a module of this package declares."""
    return load_resources_from_current_package_module()
