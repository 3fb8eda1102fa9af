"""What a server is told when it starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from assistctl.server.models.taping import Tape
    from assistctl.server.sandbox import Limits


@dataclass(frozen=True)
class Settings:
    """How one server works.

    `model` answers the runs: "scripted", or an endpoint (`base_url`, and optionally the keys that
    models/endpoint.py reads, such as `api_key`, `api`, `models`), or None: then only assistants
    with a script can run. `scripts` maps the value of an assistant's metadata pair
    `assistctl` to its turns. `api_keys` maps each key to the project that it opens; without any
    there is no authentication and one project, "default". `strict_beta` demands the header
    `OpenAI-Beta: assistants=v2`, as OpenAI did.

    `embeddings` are the semantic half of file_search: "auto" (the optional offline encoder, where
    it is installed), "none" (words alone), or an endpoint (`base_url`, `model`, and optionally
    `api_key`, `timeout` in seconds).

    `code_interpreter` is whether models may run Python here, in a sandbox (see assistctl.server.
    sandbox): True within the usual limits, or its `Limits`, or False. `code_python` is the Python,
    or the virtual environment, that it runs with; None is the server's own, with the well-known
    packages for calculating that are installed beside it.

    What the model endpoint is asked goes through the `tape`, if there is one.

    `late_calls` is for tests of clients: for so many seconds after an agent has called a function,
    its result is refused as that of an unknown call, as happens at OpenAI.
    """

    database: Path
    model: Literal["scripted"] | Mapping[str, Any] | None = field(default=None, repr=False)
    scripts: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict, repr=False)
    api_keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    strict_beta: bool = False
    embeddings: Literal["auto", "none"] | Mapping[str, Any] = field(default="auto", repr=False)
    code_interpreter: bool | Limits = True
    code_python: str | None = None
    late_calls: float = 0.0
    tape: Tape | None = field(default=None, repr=False)
