def test_lines_from_a_pipe_are_turns_on_one_thread(shared):
    code, out, err = shared("chat", "greeter", stdin="Hello\n\n/thread\n你好\n")
    assert (code, out) == (0, "Welcome.\n你好！\n\nWelcome.\n")
    assert err == (
        "thread thread_…\n"
        "run run_…\n"
        "note: answered by the scripted model, not by a language model\n"
        "queued · in_progress\n"
        "completed  … tokens\n"
        "thread_…\n"
        "thread thread_…\n"
        "run run_… · queued · in_progress\n"
        "completed  … tokens\n"
    )


def test_a_line_from_a_pipe_can_leave_too(shared):
    code, out, _ = shared("chat", "-q", "greeter", stdin="Hello\n/exit\n你好\n")
    assert (code, out) == (0, "Welcome.\n")


def test_a_line_that_is_no_text_is_told_and_the_others_go_on(shared):
    lines = "caf\udce9?\nHello\n"
    for errors in ("strict", "surrogateescape"):
        code, out, err = shared("chat", "-q", "greeter", stdin=lines, PYTHONIOENCODING=f":{errors}")
        assert (code, out, err) == (1, "Welcome.\n", "error: the message is not UTF-8\n")


def test_a_turn_that_fails_is_told_and_the_others_go_on(synced):
    synced.edit("assistctl.yaml", "local: {model: scripted}", "local: {}")
    (synced.root / "assistants" / "greeter.script.yaml").unlink()
    error = (
        "error: the run ended as failed: server_error: No model is set up to answer. Declare "
        "targets.local.model (an endpoint, or `scripted`), set OPENAI_API_KEY, or "
        "write a script for the assistant (<key>.script.yaml).\n"
    )
    assert synced("chat", "-q", "greeter", stdin="Hello\nAre you there?") == (1, "", error * 2)


def test_ctrl_c_stops_an_answer_and_ctrl_d_leaves(synced):
    with synced.on_terminal("chat", "clerk") as terminal:
        terminal.wait_for("assistant/clerk at local. /exit (or Ctrl-D) leaves, ")
        terminal.wait_for("> ")
        terminal.type("wait\n")
        terminal.wait_for("→ wait {}")
        terminal.interrupt("cancelling the run …\n")
        terminal.wait_for("> ")
        terminal.type("Hi\n")
        terminal.wait_for("Hello!\n")
        terminal.wait_for("> ")
        terminal.interrupt("(Ctrl-D leaves)\n")
        terminal.wait_for("> ")
        terminal.type("\x04")
        assert terminal.end() == 0


def test_sigterm_ends_the_conversation_where_ctrl_c_would_not(synced):
    with synced.on_terminal("chat", "clerk") as terminal:
        terminal.wait_for("> ")
        terminal.type("wait\n")
        terminal.wait_for("→ wait {}")
        terminal.process.terminate()
        terminal.wait_for("cancelling the run …\n")
        terminal.wait_for("interrupted\n")
        assert terminal.end() == 130
