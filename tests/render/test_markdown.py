from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from assistctl.plan.changes import Action, Change, FieldChange, Plan
from assistctl.render.markdown import LIMIT, plan_markdown
from assistctl.render.terminal import one_line
from assistctl.resources import Address

HELPER = Address("assistant", "helper")


def test_a_plan_without_changes_is_a_heading() -> None:
    assert plan_markdown(Plan("prod")) == "### Plan for `prod`: no changes"


def test_changes_are_a_table_and_folded_diffs() -> None:
    changes = (
        Change(
            Action.CREATE,
            Address("file", "a.csv"),
            "used by assistant/helper",
            (FieldChange("name", None, "花"),),
        ),
        Change(
            Action.UPDATE,
            HELPER,
            "the declaration changed",
            (
                FieldChange("temperature", 0.2, 0.5),
                FieldChange("model", "gpt-4.1", "gpt-5", "remote"),
                FieldChange("top_p", None, 1),
                FieldChange("description", "old", None),
                FieldChange("instructions", "a\nb\n", "a\nc\n"),
            ),
        ),
        Change(
            Action.DELETE,
            Address("vector_store", "old"),
            "no longer declared",
            (FieldChange("name", "Old", None),),
        ),
    )
    plan = Plan("prod", changes, (Address("assistant", "gone"),), ("a note",))
    assert (
        plan_markdown(plan)
        == """\
### Plan for `prod`: 1 to create, 1 to update, 1 to delete

| change | address | cause |
|---|---|---|
| `+` create | `file/a.csv` | used by assistant/helper |
| `~` update | `assistant/helper` | the declaration changed |
| `-` delete | `vector_store/old` | no longer declared |

Edits made at the target: `assistctl pull` brings them into the YAML, \
`assistctl sync --on-drift overwrite` takes them back, `keep` leaves them.

No longer declared, left alone:

- `assistant/gone`

`assistctl sync --prune` deletes what is no longer declared.

- Note: a note

<details><summary>+ <code>file/a.csv</code></summary>

```diff
+ name: "花"
```

</details>

<details><summary>~ <code>assistant/helper</code></summary>

```diff
- temperature: 0.2
+ temperature: 0.5
# changed at the target since the last sync:
- model: "gpt-4.1"
+ model: "gpt-5"
+ top_p: 1
- description: "old"
  instructions:
@@ -1,2 +1,2 @@
 a
-b
+c
```

</details>

<details><summary>- <code>vector_store/old</code></summary>

```diff
- name: "Old"
```

</details>"""
    )


def test_what_is_left_alone_is_no_change() -> None:
    edited = FieldChange("temperature", None, 0.3, "remote")
    aside = Change(Action.UPDATE, HELPER, "edited at the target", (edited,))
    assert (
        plan_markdown(Plan("prod", left_alone=(aside,)))
        == """\
### Plan for `prod`: no changes

Edited at the target where nothing is declared, left alone:

- `assistant/helper`: temperature

<details><summary>left alone: <code>assistant/helper</code></summary>

```diff
# changed at the target since the last sync:
+ temperature: 0.3
```

</details>"""
    )


def test_content_cannot_break_out_of_its_place() -> None:
    fields = (FieldChange("instructions", "x\n", "x\n```\n````\n</details>\n"),)
    change = Change(
        Action.UPDATE, Address("file", "a|`b`<i>.md"), "| @somebody *x*\n| <b> [x](y)", fields
    )
    assert (
        plan_markdown(Plan("prod", (change,)))
        == """\
### Plan for `prod`: 0 to create, 1 to update, 0 to delete

| change | address | cause |
|---|---|---|
| `~` update | ``file/a\\|`b`<i>.md`` | \
&#124; &#64;&#8203;somebody &#42;x&#42; &#124; &#60;b&#62; &#91;x&#93;(y) |

<details><summary>~ <code>file/a|`b`&lt;i&gt;.md</code></summary>

`````diff
  instructions:
@@ -1 +1,4 @@
 x
+```
+````
+</details>
`````

</details>"""
    )


def test_details_that_a_comment_cannot_hold_are_left_out_and_counted() -> None:
    fields = (FieldChange("instructions", "", "x" * 99 + "\n" + "y\n" * 12_000),)
    changes = [
        Change(Action.UPDATE, Address("assistant", f"a{number}"), "why", fields)
        for number in range(3)
    ]
    text = plan_markdown(Plan("prod", tuple(changes)))
    assert len(text) < LIMIT + 200
    assert text.count("<details>") == 1
    assert text.endswith(
        "\n\nThe details of 2 changes are left out here; `assistctl plan` shows them."
    )


MARKUP = st.text(st.sampled_from("`|\\<>*_[]()~#- \n\tab花&@:!\r\x1b"), max_size=30)


@given(address=MARKUP, cause=MARKUP, before=MARKUP, after=MARKUP, note=MARKUP)
def test_whatever_the_content_the_comment_keeps_its_structure(
    address: str, cause: str, before: str, after: str, note: str
) -> None:
    fields = (FieldChange("instructions", before, after),)
    change = Change(Action.UPDATE, Address("file", f"x{address}x"), f"x{cause}x", fields)
    text = plan_markdown(Plan("prod", (change,), (), (f"x{note}x",)))
    tokens = MarkdownIt("commonmark").enable("table").enable("strikethrough").parse(text)
    assert [token.type for token in tokens if token.nesting >= 0] == [
        *("heading_open", "inline"),
        *("table_open", "thead_open", "tr_open", *["th_open", "inline"] * 3),
        *("tbody_open", "tr_open", *["td_open", "inline"] * 3),
        *("bullet_list_open", "list_item_open", "paragraph_open", "inline"),
        *("html_block", "fence", "html_block"),
    ]
    inline = [child for token in tokens for child in token.children or ()]
    assert {child.type for child in inline} == {"text", "code_inline"}


@given(MARKUP.filter(str.strip))
def test_words_are_shown_as_they_are(cause: str) -> None:
    change = Change(Action.UPDATE, HELPER, cause)
    text = plan_markdown(Plan("prod", (change,)))
    cells = [t for t in MarkdownIt("commonmark").enable("table").parse(text) if t.type == "inline"]
    shown = "".join(child.content for child in cells[-1].children or ())
    assert shown.replace("\u200b", "") == one_line(cause)
