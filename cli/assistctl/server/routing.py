"""Every endpoint of the API; each module answers for one kind of object."""

from __future__ import annotations

from assistctl.server.agents_api import agents
from assistctl.server.assistants_api.routes import assistants, messages, runs, steps, threads
from assistctl.server.files_api import (
    file_routes,
    model_routes,
    upload_routes,
    vector_store_file_routes,
    vector_store_routes,
)
from assistctl.server.http.call import Endpoint
from assistctl.server.responses_api import (
    container_file_routes,
    container_routes,
    conversation_items,
    conversations,
)
from assistctl.server.responses_api import routes as responses

ENDPOINTS: tuple[Endpoint, ...] = (
    *agents.ENDPOINTS,
    *assistants.ENDPOINTS,
    *container_file_routes.ENDPOINTS,
    *container_routes.ENDPOINTS,
    *conversation_items.ENDPOINTS,
    *conversations.ENDPOINTS,
    *file_routes.ENDPOINTS,
    *messages.ENDPOINTS,
    *model_routes.ENDPOINTS,
    *responses.ENDPOINTS,
    *runs.ENDPOINTS,
    *steps.ENDPOINTS,
    *threads.ENDPOINTS,
    *upload_routes.ENDPOINTS,
    *vector_store_file_routes.ENDPOINTS,
    *vector_store_routes.ENDPOINTS,
)
