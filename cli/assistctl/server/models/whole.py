"""One answer of a model as a whole, for what is asked outside of a run."""

from __future__ import annotations

from assistctl.server.models.protocol import Finish, Model, Request, Retracted, TextPart, Usage


async def answer(model: Model, request: Request) -> tuple[str, Usage | None]:
    """What the model says, and what that has cost, where it was counted. Raises ModelError."""
    said, usage = "", None
    async for part in model.stream(request):
        match part:
            case TextPart(text):
                said += text
            case Retracted():
                said = ""
            case Finish():
                usage = part.usage
    return said, usage
