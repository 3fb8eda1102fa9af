"""What is owned at a target, whatever its API holds assistants as."""
