from assistctl.commands._workspace import environment


def test_dotenv_lies_beneath_the_environment(tmp_path, monkeypatch):
    text = "# ours\nMODEL_A=from-file\nexport MODEL_B='quoted ${MODEL_A}'\nEMPTY=\n"
    (tmp_path / ".env").write_text(text, encoding="utf-8")
    monkeypatch.setenv("MODEL_A", "from-environment")
    found = environment(tmp_path)
    assert (found["MODEL_A"], found["MODEL_B"], found["EMPTY"]) == (
        "from-environment",
        "quoted ${MODEL_A}",
        "",
    )


def test_a_workspace_reads_its_dotenv(shop):
    shop.edit("assistants/greeter.yaml", "any language", "${GREETING:-none}")
    (shop.root / ".env").write_text("GREETING=Dutch\n", encoding="utf-8")
    assert 'instructions: "Greet in Dutch."' in shop("plan", "greeter").out
    assert 'instructions: "Greet in French."' in shop("plan", "greeter", GREETING="French").out
