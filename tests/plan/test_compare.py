from assistctl.plan.compare import contains, leaves
from assistctl.resources import Address

SAVE = {
    "type": "function",
    "function": {
        "name": "save_bill",
        "description": "Save.",
        "parameters": {"type": "object", "properties": {"total": {"type": "number"}}},
    },
}
SEARCH = {"type": "file_search"}


def test_what_a_server_fills_in_is_contained():
    there = {"type": "file_search", "file_search": {"ranking_options": {"score_threshold": 0.0}}}
    assert contains([there, SAVE], [SAVE, SEARCH])


def test_true_is_another_value_than_1_and_1_0_the_same():
    before, after = {"a": True, "b": 1, "__c": 0}, {"a": 1, "b": 1.0, "__c": 2}
    assert list(leaves("metadata", before, after)) == [
        ("metadata.__c", 0, 2),
        ("metadata.a", True, 1),
    ]


def test_a_tool_more_or_less_at_the_target_is_not_contained():
    assert not contains([SAVE, SEARCH], [SAVE])
    assert not contains([SAVE], [SAVE, SEARCH])


def test_a_key_more_in_a_functions_parameters_is_not_contained():
    more = {
        "type": "function",
        "function": {
            **SAVE["function"],
            "parameters": {**SAVE["function"]["parameters"], "required": ["total"]},
        },
    }
    assert not contains([more], [SAVE])


def test_metadata_is_compared_whole():
    assert contains({"a": "1"}, {"a": "1"}, opaque=True)
    assert not contains({"a": "1", "b": "2"}, {"a": "1"}, opaque=True)


def test_numbers_are_equal_by_value_and_never_booleans():
    assert contains(1.0, 1)
    assert not contains(True, 1)


def test_nothing_declared_is_contained_in_nothing_there():
    assert contains(None, {"code_interpreter": {"file_ids": []}})
    assert contains({"code_interpreter": {"file_ids": []}}, None)
    assert not contains({"code_interpreter": {"file_ids": ["file-1"]}}, None)
    assert not contains(["x"], [])


def test_leaves_are_named_as_in_the_yaml():
    changed = {
        "type": "function",
        "function": {
            **SAVE["function"],
            "description": "Store.",
            "parameters": {"type": "object", "properties": {"total": {"type": "integer"}}},
        },
    }
    assert list(leaves("tools", [SAVE], [changed])) == [
        ("tools[save_bill].function.description", "Save.", "Store."),
        (
            "tools[save_bill].function.parameters.properties.total.type",
            "number",
            "integer",
        ),
    ]


def test_an_added_tool_is_one_leaf():
    assert list(leaves("tools", [SAVE], [SAVE, SEARCH])) == [("tools[file_search]", None, SEARCH)]


def test_a_removed_tool_is_one_leaf():
    assert list(leaves("tools", [SAVE, SEARCH], [SAVE])) == [("tools[file_search]", SEARCH, None)]


def test_a_list_is_one_leaf():
    before = {"code_interpreter": {"file_ids": ["a", "b"]}}
    after = {"code_interpreter": {"file_ids": ["a", "c"]}}
    assert list(leaves("tool_resources", before, after)) == [
        ("tool_resources.code_interpreter.file_ids", ["a", "b"], ["a", "c"])
    ]


def test_what_only_the_server_knows_is_no_leaf():
    before = {"type": "json_schema", "filled": 1}
    assert list(leaves("response_format", before, {"type": "text"})) == [
        ("response_format.type", "json_schema", "text")
    ]


def test_keys_that_are_no_words_stand_in_brackets():
    assert list(leaves("metadata", {"a b": "1", "c": "2"}, {"a b": "3"})) == [
        ("metadata[a b]", "1", "3"),
        ("metadata.c", "2", None),
    ]


def test_within_a_persons_own_schema_the_order_of_a_list_counts():
    schema = {"prefixItems": [{"type": "string"}, {"type": "integer"}]}
    turned = {"prefixItems": [{"type": "integer"}, {"type": "string"}]}
    assert not contains({"parameters": schema}, {"parameters": turned})


def test_mappings_with_few_keys_in_common_differ_key_by_key():
    before = {"a": "1", "b": "2", "c": "3", "same": "4"}
    after = {"d": "1", "e": "2", "f": "3", "same": "4"}
    assert list(leaves("metadata", before, after)) == [
        ("metadata.a", "1", None),
        ("metadata.b", "2", None),
        ("metadata.c", "3", None),
        ("metadata.d", None, "1"),
        ("metadata.e", None, "2"),
        ("metadata.f", None, "3"),
    ]


def test_a_reference_to_something_of_ours_that_goes_is_named():
    store = Address("vector_store", "handbook")
    before = {"file_search": {"vector_store_ids": [store]}}
    after = {"code_interpreter": {"file_ids": []}}
    assert list(leaves("tool_resources", before, after)) == [
        ("tool_resources.file_search", {"vector_store_ids": [store]}, None)
    ]


def test_what_is_taken_out_of_a_function_is_named_beside_other_edits():
    def tools(**contract):
        return [{"type": "function", "function": {"name": "save", **contract}}]

    before, after = tools(description="Save.", strict=True), tools(parameters={"type": "object"})
    assert list(leaves("tools", before, after)) == [
        ("tools[save].function.description", "Save.", None),
        ("tools[save].function.parameters", None, {"type": "object"}),
        ("tools[save].function.strict", True, None),
    ]
