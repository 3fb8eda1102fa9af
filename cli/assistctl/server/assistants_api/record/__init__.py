"""How a run is written down for the Assistants API: messages, steps, the run itself, its events."""
