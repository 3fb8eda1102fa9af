"""The Responses API with its conversations and containers, over threads, runs and files."""
