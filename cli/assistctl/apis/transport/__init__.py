"""Requests to one target: the only users of the openai SDK."""
