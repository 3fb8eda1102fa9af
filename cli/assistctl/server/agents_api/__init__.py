"""Agents, and their sessions with turns, items and events, over the record of threads and runs."""
