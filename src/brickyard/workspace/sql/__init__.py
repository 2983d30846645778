"""SQL warehouses and statements. (The lead writes this room; the Spark helper need not.)"""
