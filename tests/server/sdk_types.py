"""What the SDK takes each answer of the API for, where pydantic is strict as the SDK is not."""

from __future__ import annotations

from typing import Any

from openai import types as sdk
from openai.types import beta, uploads, vector_stores
from openai.types.beta import threads
from openai.types.beta.threads import runs as run_types
from pydantic import TypeAdapter, ValidationError


def page(model: Any) -> Any:
    """A list of the API."""
    return {"object": str, "data": list[model], "first_id": Any, "last_id": Any, "has_more": bool}


def results(model: Any) -> Any:
    """A list in the newer shape."""
    return {"object": str, "data": list[model], "has_more": bool, "next_page": Any}


MODELS: dict[str, Any] = {
    "GET /assistants": page(beta.Assistant),
    "POST /assistants": beta.Assistant,
    "GET /assistants/{assistant_id}": beta.Assistant,
    "POST /assistants/{assistant_id}": beta.Assistant,
    "DELETE /assistants/{assistant_id}": beta.AssistantDeleted,
    "GET /files": page(sdk.FileObject),
    "POST /files": sdk.FileObject,
    "GET /files/{file_id}": sdk.FileObject,
    "DELETE /files/{file_id}": sdk.FileDeleted,
    "GET /models": {"object": str, "data": list[sdk.Model]},
    "GET /models/{model}": sdk.Model,
    "DELETE /models/{model}": sdk.ModelDeleted,
    "POST /threads": beta.Thread,
    "POST /threads/runs": threads.Run,
    "GET /threads/{thread_id}": beta.Thread,
    "POST /threads/{thread_id}": beta.Thread,
    "DELETE /threads/{thread_id}": beta.ThreadDeleted,
    "GET /threads/{thread_id}/messages": page(threads.Message),
    "POST /threads/{thread_id}/messages": threads.Message,
    "GET /threads/{thread_id}/messages/{message_id}": threads.Message,
    "POST /threads/{thread_id}/messages/{message_id}": threads.Message,
    "DELETE /threads/{thread_id}/messages/{message_id}": threads.MessageDeleted,
    "GET /threads/{thread_id}/runs": page(threads.Run),
    "POST /threads/{thread_id}/runs": threads.Run,
    "GET /threads/{thread_id}/runs/{run_id}": threads.Run,
    "POST /threads/{thread_id}/runs/{run_id}": threads.Run,
    "POST /threads/{thread_id}/runs/{run_id}/cancel": threads.Run,
    "POST /threads/{thread_id}/runs/{run_id}/submit_tool_outputs": threads.Run,
    "GET /threads/{thread_id}/runs/{run_id}/steps": page(run_types.RunStep),
    "GET /threads/{thread_id}/runs/{run_id}/steps/{step_id}": run_types.RunStep,
    "POST /uploads": sdk.Upload,
    "POST /uploads/{upload_id}/parts": uploads.UploadPart,
    "POST /uploads/{upload_id}/complete": sdk.Upload,
    "POST /uploads/{upload_id}/cancel": sdk.Upload,
    "GET /vector_stores": page(sdk.VectorStore),
    "POST /vector_stores": sdk.VectorStore,
    "GET /vector_stores/{vector_store_id}": sdk.VectorStore,
    "POST /vector_stores/{vector_store_id}": sdk.VectorStore,
    "DELETE /vector_stores/{vector_store_id}": sdk.VectorStoreDeleted,
    "POST /vector_stores/{vector_store_id}/search": {
        **results(sdk.VectorStoreSearchResponse),
        "search_query": list[str],
    },
}
STORES: dict[str, Any] = {
    "GET files": page(vector_stores.VectorStoreFile),
    "POST files": vector_stores.VectorStoreFile,
    "GET files/{file_id}": vector_stores.VectorStoreFile,
    "POST files/{file_id}": vector_stores.VectorStoreFile,
    "DELETE files/{file_id}": vector_stores.VectorStoreFileDeleted,
    "GET files/{file_id}/content": results(vector_stores.FileContentResponse),
    "POST file_batches": vector_stores.VectorStoreFileBatch,
    "GET file_batches/{batch_id}": vector_stores.VectorStoreFileBatch,
    "GET file_batches/{batch_id}/files": page(vector_stores.VectorStoreFile),
    "POST file_batches/{batch_id}/cancel": vector_stores.VectorStoreFileBatch,
}
MODELS |= {
    f"{method} /vector_stores/{{vector_store_id}}/{rest}": model
    for (method, rest), model in ((key.split(" "), model) for key, model in STORES.items())
}


def misfits(model: Any, value: Any) -> list[str]:
    """What is wrong with an answer; nothing if it is as it should be."""
    if isinstance(model, dict):
        assert set(value) == set(model), value
        return [fault for key, part in model.items() for fault in misfits(part, value[key])]
    try:
        TypeAdapter(model).validate_python(value)
    except ValidationError as error:
        return [str(error)]
    return []
