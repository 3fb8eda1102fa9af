"""What the tests of runs share: a script, an assistant that plays it, plain views of objects."""

from __future__ import annotations

SCRIPT = [
    {
        "when": "bill",
        "call": {"save_bill": {"totalCost": 12, "totalIncome": 30}},
        "say": "The bill is saved.",
    },
    {
        "when": "both",
        "call": {"save_bill": {"totalCost": 1}, "log": {"text": "花"}},
        "say": "Both done.",
    },
    {
        "when": "price",
        "call": {"file_search": {"query": "红玫瑰"}},
        "say": "It is 8【4:0†source】.",
    },
    {
        "when": "mixed",
        "call": {"file_search": {"query": "郁金香"}, "log": {"text": "x"}},
        "say": "Mixed.",
    },
    {"when": "hello", "say": "Good day to you."},
]
SCRIPTS = {"shop/flowers": SCRIPT}
SAVE_BILL = {
    "type": "function",
    "function": {
        "name": "save_bill",
        "description": "Save a bill.",
        "parameters": {
            "type": "object",
            "properties": {"totalCost": {"type": "number"}, "totalIncome": {"type": "number"}},
        },
    },
}
LOG = {"type": "function", "function": {"name": "log", "parameters": {"type": "object"}}}


def make_assistant(client, **fields):
    given = {
        "model": "gpt-4.1",
        "instructions": "Be kind.",
        "tools": [SAVE_BILL, LOG],
        "metadata": {"assistctl": "shop/flowers"},
    }
    return client.beta.assistants.create(**(given | fields))


def make_thread(client, *texts):
    return client.beta.threads.create(
        messages=[{"role": "user", "content": text} for text in texts]
    )


def run_to_stop(client, thread, assistant, **options):
    return client.beta.threads.runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id, **options
    )


def say_and_run(client, assistant, text, **options):
    """A fresh thread with one message, run; returns (thread, run)."""
    thread = make_thread(client, text)
    return thread, run_to_stop(client, thread, assistant, **options)


def calls_of(run):
    return run.required_action.submit_tool_outputs.tool_calls


def answer_all(run, output="ok"):
    return [{"tool_call_id": call.id, "output": output} for call in calls_of(run)]


def texts(client, thread):
    """(role, text) of all messages, oldest first."""
    messages = client.beta.threads.messages.list(thread.id, order="asc")
    return [
        (message.role, "".join(part.text.value for part in message.content if part.type == "text"))
        for message in messages
    ]


def steps_of(client, run, **options):
    """Steps as plain dicts, oldest first."""
    found = client.beta.threads.runs.steps.list(
        run.id, thread_id=run.thread_id, order="asc", **options
    )
    return [step.to_dict() for step in found]


def upload(client, name, text):
    return client.files.create(file=(name, text.encode()), purpose="assistants")
