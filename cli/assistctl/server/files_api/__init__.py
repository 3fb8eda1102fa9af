"""What the APIs share: the handlers of files, uploads, vector stores and models."""
