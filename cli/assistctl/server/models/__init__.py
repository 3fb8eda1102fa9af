"""Who answers: model endpoints by Responses or Chat Completions, and the scripted model."""

from assistctl.server.models.choice import Declared, Models

__all__ = ["Declared", "Models"]
