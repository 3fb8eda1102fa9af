"""The Agents API (beta) at OpenAI, our embedded server or any compatible one.

Source: the types of the openai SDK 3.57.0.
"""

from assistctl.apis.agents.fields import KIND
from assistctl.apis.managed.managed_surface import Api, Talk, Threads


def _talk() -> Talk:
    from assistctl.apis.agents import past, pictures, threads
    from assistctl.apis.agents.converse import Conversation

    return Talk(
        Conversation,
        past.turns,
        Threads(threads.read, threads.write, threads.place),
        pictures.part,
    )


API = Api(KIND, _talk)
