"""The surfaces of the tests, over clients that they have made themselves."""

from assistctl.apis.agents import API as AGENTS
from assistctl.apis.assistants import API
from assistctl.apis.capabilities import of_api
from assistctl.apis.managed.managed_surface import ManagedSurface
from assistctl.apis.responses import API as RESPONSES
from assistctl.apis.transport.client import Client


def responses(client: Client, namespace: str) -> ManagedSurface:
    return ManagedSurface(RESPONSES, client, namespace, of_api("responses"))


def assistants(client: Client, namespace: str) -> ManagedSurface:
    return ManagedSurface(API, client, namespace, of_api("assistants"))


def agents(client: Client, namespace: str) -> ManagedSurface:
    """Over a client that sends the header of this API."""
    return ManagedSurface(AGENTS, client, namespace, of_api("agents"))
