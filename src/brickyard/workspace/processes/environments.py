class UnresolvedEnvironment(Exception):
    pass
class Environments:
    pass
