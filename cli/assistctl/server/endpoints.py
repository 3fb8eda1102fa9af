"""Every endpoint of the API; each module answers for one kind of object."""

from __future__ import annotations

from assistctl.server.assistants_api.routes import assistants, messages, runs, steps, threads
from assistctl.server.files_api import files, model_list, uploads, vector_store_files, vector_stores
from assistctl.server.http.call import Endpoint

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
