"""Every endpoint of the API; each module answers for one kind of object."""

from __future__ import annotations

from assistctl.server.call import Endpoint
from assistctl.server.routes import (
    assistants,
    files,
    messages,
    model_list,
    runs,
    steps,
    threads,
    uploads,
    vector_store_files,
    vector_stores,
)

ENDPOINTS: tuple[Endpoint, ...] = (
    *assistants.ENDPOINTS,
    *files.ENDPOINTS,
    *messages.ENDPOINTS,
    *model_list.ENDPOINTS,
    *runs.ENDPOINTS,
    *steps.ENDPOINTS,
    *threads.ENDPOINTS,
    *uploads.ENDPOINTS,
    *vector_store_files.ENDPOINTS,
    *vector_stores.ENDPOINTS,
)
