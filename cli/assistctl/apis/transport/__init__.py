"""Requests to one target."""
