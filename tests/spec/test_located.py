from assistctl.errors import Place
from assistctl.spec.located import Located, LocatedList, merged, place_at, plain, without


def at(line: int, file: str = "a.yaml") -> Place:
    return Place(file, line, 1)


def mapping(line: int, **items: object) -> Located:
    result = Located(at(line))
    for number, (key, value) in enumerate(items.items(), line):
        result.put(key, value, Place("a.yaml", number, 1), Place("a.yaml", number, 9))
    return result


def listed(line: int, *items: object) -> LocatedList:
    result = LocatedList(at(line))
    for number, item in enumerate(items, line):
        result.put(item, at(number))
    return result


def test_values_equal_plain_ones_and_know_their_places() -> None:
    tree = mapping(1, name="x", tools=listed(5, mapping(6, type="y")))
    assert tree == {"name": "x", "tools": [{"type": "y"}]}
    assert tree.key_place("name") == Place("a.yaml", 1, 1)
    assert tree.value_place("name") == Place("a.yaml", 1, 9)
    assert tree.value_place("absent") == at(1)
    assert place_at(tree, ["tools", 0, "type"]) == Place("a.yaml", 6, 9)
    assert place_at(tree, ["tools", 7, "type"]) == Place("a.yaml", 2, 9)


def test_plain_forgets_the_places_all_the_way_down() -> None:
    value = plain(mapping(1, tools=listed(2, mapping(3, a=1))))
    assert [type(value), type(value["tools"]), type(value["tools"][0])] == [dict, list, dict]


def test_merging_takes_later_layers_key_by_key_and_keeps_places() -> None:
    below = mapping(1, model="a", run=mapping(2, x=1), metadata=mapping(3, team="t", cost="low"))
    above = mapping(10, run=mapping(11, y=2), metadata=mapping(12, cost="high"))
    result = merged([below, above], at(10), deep="metadata")
    assert result == {"model": "a", "run": {"y": 2}, "metadata": {"team": "t", "cost": "high"}}
    assert result.key_place("model") == Place("a.yaml", 1, 1)
    assert result.mapping("metadata").value_place("team") == Place("a.yaml", 3, 9)
    assert result.mapping("metadata").value_place("cost") == Place("a.yaml", 12, 9)
    assert below["metadata"] == {"team": "t", "cost": "low"}


def test_null_undoes_what_lies_below_it() -> None:
    layers = [mapping(1, a=1, b=2), mapping(5, a=None), mapping(9, b=None), mapping(12, b=3)]
    assert merged(layers, at(1), deep="metadata") == {"b": 3}


def test_taking_paths_away_leaves_the_rest_in_its_place() -> None:
    tree = mapping(1, a=1, tools=listed(5, mapping(6, x=1, y=2), mapping(8, x=3)))
    left = without(tree, frozenset({("a",), ("tools", 0, "x"), ("tools", 1)}))
    assert left == {"tools": [{"y": 2}]}
    assert place_at(left, ["tools", 0, "y"]) == Place("a.yaml", 7, 9)
