"""Chat Completions, as endpoints really speak it."""

from assistctl.server.models.chat.body import PATH, chat_body
from assistctl.server.models.chat.chunks import Chunks

__all__ = ["PATH", "Chunks", "chat_body"]
