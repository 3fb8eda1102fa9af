"""The three API surfaces, as anybody meets them who is no part of assistctl: where an assistant is
held there, what its object says, and how somebody else makes and edits one.

A test that takes `api`, or a fixture that does (`bench`, `server`, …), is tried at all three. One
that is true of some only says so: `@pytest.mark.only_at("assistants", because="…")`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assistctl.apis import agents, assistants, responses
from assistctl.apis.capabilities import of_api
from assistctl.apis.managed.managed_surface import Api as Package
from assistctl.apis.managed.managed_surface import ManagedSurface
from assistctl.apis.transport.client import Client


@dataclass(frozen=True)
class Api:
    """One API. `collection` is the path of what holds an assistant, `prefix` what stands before the
    assistant's key in the name of its owner, `uses_in_metadata`, whether pairs of our own say what
    it uses; `target_options` is what the YAML of a target says beside."""

    name: str
    package: Package
    collection: str
    prefix: str = ""
    uses_in_metadata: bool = True
    target_options: str = ""

    def client(self, base_url: str, api_key: str, **more: Any) -> Client:
        return Client(base_url, api_key, **more)

    def surface(self, client: Client, namespace: str) -> ManagedSurface:
        return ManagedSurface(self.package, client, namespace, of_api(self.name))

    def owner(self, owner: str) -> str:
        """What the metadata of the assistant `ws/shop` say of whose it is."""
        namespace, _, key = owner.partition("/")
        return f"{namespace}/{self.prefix}{key}"

    def holds(self, body: Mapping[str, Any]) -> bool:
        """Whether an object in the collection holds an assistant, and is no store to search."""
        return not self.prefix or is_stand_in(body)

    def files_of(self, body: Mapping[str, Any]) -> list[str]:
        """The ids of the files that an assistant uses, as its object says."""
        return _ids(body, "assistctl_uploads", "code_interpreter", "file_ids")

    def stores_of(self, body: Mapping[str, Any]) -> list[str]:
        return _ids(body, "assistctl_stores", "file_search", "vector_store_ids")

    def using(
        self,
        body: Mapping[str, Any],
        files: Sequence[str] | None = None,
        stores: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """The fields to post so that this object uses these; None: what it uses already."""
        parts = {
            "code_interpreter": ("file_ids", files),
            "file_search": ("vector_store_ids", stores),
        }
        if not self.uses_in_metadata:
            return {
                "tool_resources": {
                    part: {ids: new} for part, (ids, new) in parts.items() if new is not None
                }
            }
        pairs = {"assistctl_uploads": files, "assistctl_stores": stores}
        metadata = {**body["metadata"]} | {
            k: ",".join(v) for k, v in pairs.items() if v is not None
        }
        return {"metadata": {key: value for key, value in metadata.items() if value}}

    def new(self, **fields: Any) -> dict[str, Any]:
        """The body of a create by somebody else."""
        return fields if self.prefix else {"model": "gpt-4.1", **fields}


def _ids(body: Mapping[str, Any], pair: str, part: str, key: str) -> list[str]:
    if "tool_resources" in body:
        return list(((body["tool_resources"] or {}).get(part) or {}).get(key) or [])
    return [item for item in (body["metadata"] or {}).get(pair, "").split(",") if item]


def is_stand_in(store: Mapping[str, Any]) -> bool:
    """Whether a vector store stands for an assistant, at an API that has none."""
    return "/assistant/" in (store["metadata"] or {}).get("assistctl", "")


ASSISTANTS = Api("assistants", assistants.API, "/assistants", uses_in_metadata=False)
RESPONSES = Api("responses", responses.API, "/vector_stores", prefix="assistant/")
AGENTS = Api("agents", agents.API, "/agents", target_options=", emulate: [file_search]")
APIS = {api.name: api for api in (ASSISTANTS, RESPONSES, AGENTS)}
