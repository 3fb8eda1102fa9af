"""Who answers: model endpoints by Responses or Chat Completions, and the scripted model."""

from assistctl.server.models.choice import Models

__all__ = ["Models"]
