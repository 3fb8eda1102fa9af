"""assistants/<key>.script.yaml: what the scripted model answers."""

from __future__ import annotations

from assistctl.spec.grammar.parts import Schema, array, mapping, table, text

SCRIPTS: dict[str, Schema] = {
    "script": mapping(
        "assistants/<key>.script.yaml: what the scripted model says, for tests, demos and CI.",
        {
            "turns": array(
                "The turns; the first that fits the last user message is taken.",
                items={"$ref": "#/$defs/turn"},
            )
        },
        required=["turns"],
    ),
    "turn": mapping(
        "One turn.",
        {
            "when": text("A regular expression, searched in the last user message."),
            "call": table(
                "Functions to call before the answer: name -> arguments. Of the tools that the"
                " server has, code_interpreter takes {code: …} and file_search {query: …}.",
                {"description": "The arguments.", "type": "object"},
            ),
            "say": text("The answer."),
        },
        anyOf=[{"required": ["say"]}, {"required": ["call"]}],
    ),
}
