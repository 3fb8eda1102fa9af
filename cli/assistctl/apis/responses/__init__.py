"""The Responses API, with Conversations, at OpenAI, our embedded server or any compatible one.

Source: the types of the openai SDK 3.57.0 and openai/openai-openapi at f85dbe2 (2026-08-21).
"""

from assistctl.apis.managed.managed_surface import Api, Talk, Threads
from assistctl.apis.responses.fields import KIND


def _talk() -> Talk:
    from assistctl.apis.responses import past, pictures, threads
    from assistctl.apis.responses.converse import open_conversation

    return Talk(
        open_conversation,
        past.turns,
        Threads(threads.read, threads.write, threads.place, threads.delete),
        pictures.part,
    )


API = Api(KIND, _talk)
