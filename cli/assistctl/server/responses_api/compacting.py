"""What a history is compacted to: all that its user has said, and a summary, which has to stand
alone as well: some clients send nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import anyio

from assistctl.server.assistants_api.record import runs
from assistctl.server.engine.prompt import Prompt
from assistctl.server.models import whole
from assistctl.server.models.choice import Models
from assistctl.server.models.protocol import ModelError, Usage
from assistctl.server.responses_api import objects
from assistctl.server.responses_api.items import compaction
from assistctl.server.tokens import count_tokens
from assistctl.server.wire import RESPONSE, ApiError, Document, now

_TASK = (
    "Write a summary of the conversation above for an assistant that is to continue it and may see"
    " nothing else of it. Keep what the user has asked for and prefers, what was decided and why,"
    " what was done and what came of it (files, ids, names, numbers, results of tools, as they"
    " are), and what is still to be done. Do not continue the conversation. Answer with the summary"
    " alone."
)
_STATUS = {"rate_limit_exceeded": 429, "invalid_prompt": 400}


async def compacted(models: Models, prompt: Prompt, spoken: Sequence[Document]) -> Document:
    """The answer to a request whose model would be sent `prompt`; `spoken` are the user's messages
    as items. Raises ApiError where the model gives no summary."""
    asked = replace(
        prompt.request,
        messages=[*prompt.request.messages, {"role": "user", "content": _TASK}],
    )
    try:
        with anyio.fail_after(models.run_seconds(asked.model)):
            summary, usage = await whole.answer(models.answering(""), asked)
    except TimeoutError:
        raise _failed("The model takes too long to summarize this.", 500) from None
    except ModelError as error:
        raise _failed(error.message, _STATUS.get(error.code, 500)) from None
    if not summary.strip():
        raise _failed("The model has given no summary.", 500)
    counted = runs.counted(usage or Usage(prompt.tokens, count_tokens(summary)))
    return {
        "id": RESPONSE.new_id(),
        "object": "response.compaction",
        "created_at": now(),
        "output": [*spoken, compaction.item(summary.strip())],
        "usage": objects.usage(counted),
    }


def _failed(message: str, status: int) -> ApiError:
    kind: dict[str, Any] = {} if status == 400 else {"type": "server_error"}
    return ApiError(message, status=status, **kind)
