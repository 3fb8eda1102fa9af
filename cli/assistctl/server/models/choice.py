"""Which model answers which assistant: an endpoint, its script, or nobody (an error that helps)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from assistctl.server.models.asking import AskedModel
    from assistctl.server.models.memory import Storage
    from assistctl.server.models.protocol import Model
    from assistctl.server.models.taping import Tape

# The rest of this room is imported when a model is asked: most commands ask none.

_NOBODY = (
    "No model is set up to answer. Declare targets.local.model (an endpoint, or `scripted`), set "
    "OPENAI_API_KEY, or write a script for the assistant (<key>.script.yaml)."
)


class Models:
    """`scripts` maps the value of an assistant's metadata pair `assistctl` to its turns; `storage`
    keeps what is learnt of the models of the `endpoint`, if one is set up; what that is asked goes
    through the `tape`."""

    def __init__(
        self,
        declared: Literal["scripted"] | Mapping[str, Any] | None,
        scripts: Mapping[str, Sequence[Mapping[str, Any]]],
        storage: Storage | None = None,
        tape: Tape | None = None,
    ) -> None:
        if isinstance(declared, str) and declared != "scripted":
            raise ValueError(f"model must be `scripted` or an endpoint, not {declared!r}")
        self.endpoint: AskedModel | None = None
        if isinstance(declared, Mapping):
            from assistctl.server.models.asking import AskedModel
            from assistctl.server.models.endpoint import Endpoint
            from assistctl.server.models.memory import Memory

            self.endpoint = AskedModel(Endpoint.parse(declared), Memory(storage), tape)
        self._scripted = declared == "scripted"
        self._scripts = scripts

    def run_seconds(self, model: str) -> float:
        """How long a run may take that this model answers."""
        from assistctl.server.models.endpoint import RUN_SECONDS

        return self.endpoint.run_seconds(model) if self.endpoint else RUN_SECONDS

    def answering(self, script: str) -> Model:
        """The model for an assistant whose script, if it has one, goes by this name; raises
        ModelError when there is neither. The word `scripted` lends an assistant without a script,
        such as one that a client made by itself, the turns of the others that fit its tools."""
        if self.endpoint is not None:
            return self.endpoint
        from assistctl.server.models.protocol import ModelError
        from assistctl.server.models.scripted import Scripted

        if script in self._scripts:
            return Scripted(self._scripts[script])
        if not self._scripted:
            raise ModelError("server_error", _NOBODY)
        return Scripted([turn for turns in self._scripts.values() for turn in turns], borrowed=True)

    async def aclose(self) -> None:
        """Close the connections to the endpoint."""
        if self.endpoint is not None:
            await self.endpoint.aclose()
