"""The rows of the catalog `samples`, made up the same way everywhere: a schema a module."""
