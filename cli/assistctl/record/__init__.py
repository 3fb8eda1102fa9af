"""What was said here, in a private database of this machine: nothing depends on it."""
