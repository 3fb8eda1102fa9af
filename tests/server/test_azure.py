"""The SDK's client of Azure, whose hosted Assistants API ended on the same day."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import openai as sdk
import pytest
from openai import AzureOpenAI, OpenAI

from assistctl.server import EmbeddedServer
from tests.server.runs_help import SAVE_BILL, SCRIPTS, answer_all, texts

Ask = Callable[..., Any]


@pytest.fixture
def azure(start: Callable[..., EmbeddedServer]) -> Iterator[Callable[..., AzureOpenAI]]:
    server = start(scripts=SCRIPTS)
    clients: list[AzureOpenAI] = []

    def azure(**options: Any) -> AzureOpenAI:
        given = {"api_key": server.api_key, **options}
        client = AzureOpenAI(
            azure_endpoint=server.base_url.removesuffix("/v1"),
            api_version="2024-05-01-preview",
            max_retries=0,
            http_client=httpx2.Client(trust_env=False, verify=False, timeout=30),
            **given,
        )
        clients.append(client)
        return client

    yield azure
    for client in clients:
        client.close()


def test_a_client_of_azure_uploads_searches_polls_and_streams(
    azure: Callable[..., AzureOpenAI],
) -> None:
    client = azure()
    file = client.files.create(file=("价格.txt", "红玫瑰 8".encode()), purpose="assistants")
    assert client.files.content(file.id).read() == "红玫瑰 8".encode()
    store = client.vector_stores.create()
    batch = client.vector_stores.file_batches.upload_and_poll(store.id, files=[io.BytesIO(b"a")])
    put = client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id)
    assert (batch.status, put.status) == ("completed", "completed")
    assistant = client.beta.assistants.create(
        model="our-deployment",
        tools=[SAVE_BILL, {"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
        metadata={"assistctl": "shop/flowers"},
    )
    threads = client.beta.threads
    thread = threads.create(messages=[{"role": "user", "content": "bill"}])
    run = threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    run = threads.runs.submit_tool_outputs_and_poll(
        thread_id=thread.id, run_id=run.id, tool_outputs=answer_all(run)
    )
    threads.messages.create(thread.id, role="user", content="price")
    with threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        streamed = "".join(stream.text_deltas)
    assert (run.status, streamed) == ("completed", "It is 8【4:0†source】.")
    assert texts(client, thread) == [
        ("user", "bill"),
        ("assistant", "The bill is saved."),
        ("user", "price"),
        ("assistant", streamed),
    ]


@pytest.mark.parametrize(
    "options", [{"azure_deployment": "ours"}, {"api_key": None, "azure_ad_token": "key"}]
)
def test_deployments_and_tokens_are_taken_too(
    azure: Callable[..., AzureOpenAI], options: dict[str, Any]
) -> None:
    if "azure_ad_token" in options:
        options = {**options, "azure_ad_token": azure().api_key}
    assert azure(**options).beta.assistants.list().data == []


def test_azures_later_form_has_a_version_in_its_path(server: EmbeddedServer) -> None:
    root = server.base_url.removesuffix("/v1")
    with OpenAI(
        base_url=f"{root}/openai/v1/",
        api_key=server.api_key,
        default_query={"api-version": "preview"},
        http_client=httpx2.Client(trust_env=False, verify=False),
    ) as client:
        assert client.beta.threads.create().object == "thread"


def test_a_wrong_key_of_azures_kind_is_refused(azure: Callable[..., AzureOpenAI]) -> None:
    with pytest.raises(sdk.AuthenticationError, match="Incorrect API key provided"):
        azure(api_key="wrong").beta.assistants.list()


def test_an_address_may_end_in_a_slash_as_azures_portal_shows_it(server: EmbeddedServer) -> None:
    """The SDK of 2024 put `/openai` behind it as it was."""
    for prefix in ("//openai", "//openai/deployments/ours", "/v1/", "//v1/", "//openai/v1//"):
        answer = httpx2.post(
            f"{server.base_url.removesuffix('/v1')}{prefix}/threads",
            headers={"api-key": server.api_key},
            trust_env=False,
            verify=False,
        )
        assert (answer.status_code, answer.json().get("object")) == (200, "thread"), prefix


def test_an_id_that_is_empty_makes_no_other_path(ask: Ask) -> None:
    assert ask("POST", "/threads//runs", {"assistant_id": "asst_x"}).body["error"]["message"] == (
        "Invalid URL (POST /v1/threads//runs)"
    )


@pytest.mark.parametrize("prefix", ["/openai", "/openai/v1", "/openai/deployments/ours", "/v1"])
def test_every_prefix_leads_to_the_same_objects(server: EmbeddedServer, prefix: str) -> None:
    root, key = server.base_url.removesuffix("/v1"), {"api-key": server.api_key}
    with httpx2.Client(base_url=root, headers=key, trust_env=False, verify=False) as client:
        made = client.post(f"{prefix}/threads", params={"api-version": "2024-05-01-preview"})
        assert client.get(f"/v1/threads/{made.json()['id']}").json() == made.json()
        lost = client.get(f"{prefix}/threads/thread_x/nothing")
        assert lost.json()["error"]["message"] == (
            f"Invalid URL (GET {prefix}/threads/thread_x/nothing)"
        )
        assert client.put(f"{prefix}/threads").status_code == 405


def test_one_of_two_keys_is_enough(ask: Ask, server: EmbeddedServer) -> None:
    """A proxy in front may want one of the two headers for itself."""
    both = {"authorization": "Bearer of-the-proxy", "api-key": server.api_key}
    assert ask("GET", "/assistants", headers=both).status == 200
    assert ask("GET", "/assistants", headers={"api-key": "of-the-proxy"}).status == 200


def test_ids_of_files_that_azure_gave_are_ids(ask: Ask) -> None:
    store = ask("POST", "/vector_stores", {}).body["id"]
    answer = ask("GET", f"/vector_stores/{store}/files/assistant-1YGVTvNzc2JXajI5JU9F0HMD")
    assert answer.status == 404
    assert answer.body["error"]["message"] == (
        f"No file found with id 'assistant-1YGVTvNzc2JXajI5JU9F0HMD' in vector store '{store}'."
    )
