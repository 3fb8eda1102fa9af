"""The Assistants API v2, at OpenAI's former endpoint, our embedded server or any compatible one.

Source: the contract that OpenAI published last (openai/openai-openapi at f85dbe2, 2026-08-21).
"""

from assistctl.apis.assistants.fields import KIND
from assistctl.apis.managed.managed_surface import Api, Talk, Threads


def _talk() -> Talk:
    from assistctl.apis.assistants import past, pictures, threads
    from assistctl.apis.assistants.converse import Conversation

    return Talk(
        Conversation,
        past.turns,
        Threads(threads.read, threads.write, threads.place),
        pictures.part,
    )


API = Api(KIND, _talk)
