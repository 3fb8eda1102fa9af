"""Plans, events and problems -> text, JSON, JSON Lines, Markdown. Reads values only."""
