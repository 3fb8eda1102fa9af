"""The Assistants API v2, at OpenAI's former endpoint, our embedded server or any compatible one.

Source: the contract that OpenAI published last (openai/openai-openapi at f85dbe2, 2026-08-21).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from assistctl.apis.assistants.converse import Conversation
from assistctl.apis.assistants.fields import declare
from assistctl.apis.managed.compile import compile_plan
from assistctl.apis.managed.execute import NOBODY, Outcome, Uploading, Watch, execute
from assistctl.apis.managed.observe import observe, unmanaged
from assistctl.apis.managed.operations import Operation
from assistctl.apis.managed.orphans import orphans
from assistctl.apis.transport.client import Client
from assistctl.plan.changes import Plan
from assistctl.plan.state import Declared, Observed, Remote, Upload
from assistctl.resources import Address, Assistant, Orphan, Workspace

__all__ = ["Assistants", "Conversation", "Operation", "Outcome", "Watch"]


@dataclass(frozen=True)
class Assistants:
    """This API surface at one target; `namespace` tells our objects from others'."""

    client: Client
    namespace: str

    def declare(self, workspace: Workspace) -> dict[Address, Declared]:
        """Everything the workspace declares, as this API would hold it."""
        return declare(workspace)

    def observe(
        self,
        declared: Mapping[Address, Declared],
        *,
        deep: bool = False,
        left: Collection[Upload] = (),
    ) -> Observed:
        """All reads of a sync; `deep` lists the files of all our stores, `left` are uploads of a
        sync that was cut off. Raises RemoteError."""
        return observe(self.client, self.namespace, declared, deep=deep, left=left)

    def unmanaged(
        self, address: Address, object_id: str, declared: Mapping[Address, Declared]
    ) -> Remote:
        """An object without an owner, seen as if it were ours under this address."""
        return unmanaged(self.client, address, object_id, declared)

    def compile(
        self, plan: Plan, declared: Mapping[Address, Declared], observed: Observed
    ) -> tuple[Operation, ...]:
        """The plan as ordered requests. Pure."""
        return compile_plan(plan, declared, observed, self.namespace)

    def execute(
        self,
        root: Path,
        operations: tuple[Operation, ...],
        declared: Mapping[Address, Declared],
        observed: Observed,
        *,
        uploading: Uploading,
        watch: Watch = NOBODY,
    ) -> Iterator[Outcome]:
        """Send the requests; yields how each ended, errors included."""
        return execute(
            self.client, root, operations, declared, observed, uploading=uploading, watch=watch
        )

    def orphans(self, declared: Mapping[Address, Declared]) -> tuple[Orphan, ...]:
        """The uploads to which nothing that can be seen at the target refers."""
        return orphans(self.client, declared)

    def converse(self, assistant: Assistant, remote_id: str, thread: str | None) -> Conversation:
        """A conversation with this assistant, on a thread of its own unless one is given."""
        owner = f"{self.namespace}/{assistant.key}"
        return Conversation(self.client, remote_id, owner, thread, assistant.run)

    def close(self) -> None:
        self.client.close()
