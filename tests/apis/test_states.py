"""What tests rely on that try many things in one state (states.py)."""

import openai

from tests.apis.bench import wipe


def test_what_was_there_is_there_again_and_what_came_since_is_gone(target, states):
    _, client = target

    def make():
        wipe(client)
        client.create("/assistants", {"model": "gpt-6-luna", "name": "Shop"})

    def there():
        return [list(client.list(path)) for path in ("/assistants", "/vector_stores", "/files")]

    states.again("shop", make)
    before = there()
    for _ in range(2):
        (shop,) = before[0]
        client.delete(f"/assistants/{shop['id']}")
        client.create("/vector_stores", {"name": "handbook"})
        thread = client.create("/threads", {})
        assert there() != before
        states.again("shop", make)
        assert there() == before
        assert client.create("/threads", {})["id"] != thread["id"]
    states.again("nothing", lambda: wipe(client))
    assert there() == [[], [], []]
    states.again("shop", make)
    assert there() == before


def test_the_target_goes_on_from_there(bench, states, server):
    """Its indexer and its searching, too."""
    with openai.OpenAI(base_url=server.base_url, api_key=server.api_key) as sdk:
        for _ in range(3):
            states.again("empty", lambda: None)
            bench.store("handbook", bench.file("docs/care.md", "Water the roses daily."))
            bench.sync()
            (store,) = bench.at("/vector_stores")
            (found,) = sdk.vector_stores.search(store["id"], query="roses").data
            assert found.content[0].text == "Water the roses daily."
