"""The pages, one module for each subject; how one is added, assistctl.console says."""
