"""Conversations without a terminal: what `run` and `chat` do, as a library.

    from assistctl.conversation import session
    from assistctl.events import Finished, TextDelta
    from assistctl.loading import load

    with session(load(), "flower-shop") as talk:
        for event in talk.say("Three roses were sold."):
            if isinstance(event, TextDelta):
                print(event.text, end="")
            elif isinstance(event, Finished):
                print(event.status, event.usage)

Functions of the workspace are called as the assistant asks for them. Nothing here asks or prints.
"""

from assistctl.conversation.sessions import ConversationOptions, NotSynced, Session, session
from assistctl.conversation.turns import Limits, turn

__all__ = ["ConversationOptions", "Limits", "NotSynced", "Session", "session", "turn"]
