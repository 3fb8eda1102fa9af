"""The handlers of the Assistants API, one module for each kind of object."""
