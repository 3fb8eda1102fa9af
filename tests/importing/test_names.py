import pytest

from assistctl.importing.names import Folder, key_for, plain_name


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("FAQ", "faq"),
        ("  Flower Shop: Paris, 2e! ", "flower-shop-paris-2e"),
        ("Café „Zürich“", "cafe-zurich"),
        ("花店 FAQ", "花店-faq"),
        ("花店财务助手", "花店财务助手"),
        ("2 花店", "2-花店"),
        ("Flower_Shop", "flower-shop"),
        ("24/7", "assistant-c123xyz9"),
        ("𠀀" * 80, "𠀀" * 50),
        ("", "assistant-c123xyz9"),
        (None, "assistant-c123xyz9"),
        (7, "assistant-c123xyz9"),
        ("x" * 80, "x" * 63),
        ("Taken", "taken-3"),
        ("Long " * 20, "long-long-long-long-long-long-long-long-long-long-long-long-lon"),
    ],
)
def test_a_key_is_made_of_the_name_or_of_the_id(name, key):
    taken = {"taken", "taken-2"}
    assert key_for(name, "asst_AbC123Xyz9", taken, "assistant") == key


def test_a_long_key_gets_its_number_in_the_room_there_is():
    taken = {"x" * 63}
    assert key_for("x" * 80, "asst_1", taken, "assistant") == "x" * 61 + "-2"


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("prices.csv", "prices.csv"),
        ("价目表 (1).xlsx", "价目表 (1).xlsx"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\a.txt", "a.txt"),
        (".gitignore", "gitignore"),
        ("..", "file-1"),
        ("dir/", "file-1"),
        (None, "file-1"),
        ("a\nb\x1b[0m\u202e.md", "a_b_[0m_.md"),
        ("half\ud800.md", "half?.md"),
        ("花" * 100 + ".md", "花" * 65 + ".md"),
        ("a." + "b" * 300, "file-1"),
    ],
)
def test_a_remote_filename_is_made_harmless(filename, name):
    assert plain_name({"id": "file-1", "filename": filename}) == name


def file(number, name):
    return {"id": f"file-{number}", "filename": name}


def test_files_in_a_folder_have_names_of_their_own():
    folder = Folder("assistants/faq")
    files = [file(1, "a.md"), file(2, "A.md"), file(3, "a.md"), file(1, "a.md")]
    assert folder.put_all(files) == [
        "assistants/faq/a.md",
        "assistants/faq/A-2.md",
        "assistants/faq/a-3.md",
        "assistants/faq/a.md",
    ]
    assert folder.files == {
        "assistants/faq/a.md": "file-1",
        "assistants/faq/A-2.md": "file-2",
        "assistants/faq/a-3.md": "file-3",
    }


def test_a_number_that_a_files_own_name_has_is_passed_over():
    folder = Folder("assistants/faq")
    names = ["a.md", "a-3.md", "a.md", "a.md", "A-2.md", "a.md"]
    paths = folder.put_all(file(number, name) for number, name in enumerate(names))
    assert [path.removeprefix("assistants/faq/") for path in paths] == [
        *("a.md", "a-3.md", "a-2.md", "a-4.md", "A-2-2.md", "a-5.md")
    ]


def test_many_files_get_a_directory_that_a_glob_names():
    folder = Folder("assistants/faq")
    folder.put(file(0, "0.md"))
    many = [file(number, f"{number}.md") for number in range(21)]
    assert folder.put_all(many, apart="search") == ["assistants/faq/search/*"]
    assert len(folder.files) == 22
    assert folder.files["assistants/faq/search/0.md"] == "file-0"
    alone = Folder("vector_stores/docs")
    assert alone.put_all(many) == ["vector_stores/docs/*"]
