"""The Responses API upstream: what OpenAI's models of today are asked by.

Nothing is stored there (`store: false`): the thread is ours, and its deletion is then a deletion.
What a model has to get back, encrypted reasoning above all, is kept with the steps and messages.
"""

from assistctl.server.models.responses.body import PATH, responses_body
from assistctl.server.models.responses.events import Events

__all__ = ["PATH", "Events", "responses_body"]
