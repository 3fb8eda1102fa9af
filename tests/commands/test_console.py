import signal

import httpx2


def test_it_prints_a_link_that_opens_the_workspace_until_ctrl_c(synced):
    with synced.started("console") as console:
        link = console.wait_for("Console: ").split()[-1]
        address, _, token = link.partition("/console/enter?token=")
        with httpx2.Client(base_url=address, follow_redirects=True) as http:
            page = http.post(
                "/console/enter", data={"token": token}, headers={"origin": address}
            ).text
        assert "No changes. local is as declared." in page
        assert "Theme: auto" in page
        console.process.send_signal(signal.SIGINT)
        told = f"Console: {link}\n  the link opens it once, within 10 minutes\n"
        assert console.result() == (0, "", told.replace(address, "http://127.0.0.1:…"))


def test_a_port_that_is_taken_is_said(synced):
    with synced.started("console") as first:
        port = first.wait_for("Console: ").partition("127.0.0.1:")[2].partition("/")[0]
        again = synced("console", "--port", port)
    assert again == (
        1,
        "",
        f"error: cannot serve on 127.0.0.1:{port} (Address already in use); choose another "
        "--port\n",
    )


def test_on_a_terminal_enter_prints_another_link(synced):
    with synced.on_terminal("console", "--no-browser") as terminal:
        terminal.wait_for("press Enter for another one")
        terminal.type("\n")
        terminal.wait_for("Console: http://127.0.0.1:")
        terminal.interrupt("^C")
        assert terminal.end() == 0


def test_what_is_wrong_with_the_workspace_is_said_before_anything_is_served(shop):
    shop.edit("assistants/clerk.yaml", "name: Clerk", "nmae: Clerk")
    result = shop("console")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("assistants/clerk.yaml:1:1: ")
