"""Vector stores: how files become text, chunks and vectors, and how these are found."""
