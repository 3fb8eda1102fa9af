"""What the Assistants API can of what an assistant's YAML declares."""

from __future__ import annotations

from assistctl.surface import Capabilities, Support

CAPABILITIES: Capabilities = dict.fromkeys(
    (
        "name",
        "description",
        "model",
        "instructions",
        "temperature",
        "top_p",
        "response_format",
        "reasoning_effort",
        "metadata",
        "tools.code_interpreter",
        "tools.file_search",
        "tools.function",
        "run.tool_choice",
        "run.parallel_tool_calls",
        "run.max_prompt_tokens",
        "run.max_completion_tokens",
        "run.truncation_strategy",
    ),
    Support.NATIVE,
)
