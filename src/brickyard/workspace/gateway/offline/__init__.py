"""Models that come along: a lexical embedder and an extractive chat model. No network, no weights.

They are what they say they are: the answers' `model` names them, whatever the endpoint is called.
"""
