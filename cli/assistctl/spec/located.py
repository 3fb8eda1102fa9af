"""Values that remember where they stand: a mapping and a list, plain JSON to everybody else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from assistctl.errors import Place
from assistctl.resources import Json

Path: TypeAlias = tuple[str | int, ...]
"""The keys and indices that lead from a value to one inside it."""


class Located(dict[str, Json]):
    """A mapping that knows its own place and those of its keys and values.

    Filled once by `put`, by whoever makes it; read-only by agreement from then on.
    """

    __slots__ = ("_keys", "_values", "place")

    def __init__(self, place: Place) -> None:
        self.place = place
        self._keys: dict[str, Place] = {}
        self._values: dict[str, Place] = {}

    def put(self, key: str, value: Json, key_place: Place, value_place: Place) -> None:
        """Set a key that is not there yet."""
        self[key] = value
        self._keys[key] = key_place
        self._values[key] = value_place

    def take(self, key: str, value: Json, source: Located) -> None:
        """Put a value under the places that `source` has for this key."""
        self.put(key, value, source._keys[key], source._values[key])

    def replaced(self, change: Callable[[str, Json, Place], Json]) -> Located:
        """The same keys and places with the values that `change` makes of key, value and place."""
        result = Located(self.place)
        for key, value in self.items():
            result.take(key, change(key, value, self.value_place(key)), self)
        return result

    def key_place(self, key: str) -> Place:
        """Where the key stands; the mapping itself for a key that is not there."""
        return self._keys.get(key, self.place)

    def value_place(self, key: str) -> Place:
        """Where its value stands; the mapping itself for a key that is not there."""
        return self._values.get(key, self.place)

    def mapping(self, key: str) -> Located:
        """The mapping under this key; an empty one if there is none."""
        value = self.get(key)
        return value if isinstance(value, Located) else Located(self.value_place(key))

    def items_at(self, key: str) -> Iterable[tuple[Json, Place]]:
        """The items of the list under this key, each with its place; none if there is no list."""
        value = self.get(key)
        return value.placed() if isinstance(value, LocatedList) else ()


class LocatedList(list[Json]):
    """A list that knows its own place and those of its items."""

    __slots__ = ("_items", "place")

    def __init__(self, place: Place) -> None:
        self.place = place
        self._items: list[Place] = []

    def put(self, value: Json, place: Place) -> None:
        """Append an item."""
        self.append(value)
        self._items.append(place)

    def replaced(self, change: Callable[[Json, Place], Json]) -> LocatedList:
        """The same places with the items that `change` makes of item and place."""
        result = LocatedList(self.place)
        for item, place in self.placed():
            result.put(change(item, place), place)
        return result

    def placed(self) -> Iterable[tuple[Json, Place]]:
        """Each item with its place."""
        return zip(self, self._items, strict=True)

    def item_place(self, index: int) -> Place:
        """Where the item of this index stands."""
        return self._items[index]


def merged(layers: Iterable[Located], place: Place, *, deep: str) -> Located:
    """One mapping of several, later layers over earlier ones; every key keeps its place.

    A key whose value is null is as good as undeclared, also in the layers below. The mapping
    under the key `deep` is itself merged by key.
    """
    result = Located(place)
    for layer in layers:
        for key, value in layer.items():
            below = result.get(key)
            if value is None:
                result.pop(key, None)
            elif key == deep and isinstance(value, Located) and isinstance(below, Located):
                result.take(key, merged((below, value), value.place, deep=""), layer)
            else:
                result.take(key, value, layer)
    return result


def place_at(root: Located | LocatedList, path: Iterable[str | int]) -> Place:
    """The place of the value at the end of the path, or of the last thing on the way."""
    place, value = root.place, root
    for step in path:
        if isinstance(value, Located) and isinstance(step, str) and step in value:
            place, value = value.value_place(step), value[step]
        elif isinstance(value, LocatedList) and isinstance(step, int) and step < len(value):
            place, value = value.item_place(step), value[step]
        else:
            break
    return place


def key_place_at(root: Located | LocatedList, path: Path) -> Place:
    """The place of the key at the end of the path."""
    inside = value_at(root, path[:-1])
    return inside.key_place(str(path[-1])) if isinstance(inside, Located) else place_at(root, path)


def value_at(root: Json, path: Iterable[str | int]) -> Json:
    """The value at the end of a path that exists."""
    value = root
    for step in path:
        value = value[step]
    return value


def without(value: Json, paths: frozenset[Path]) -> Json:
    """The value less what stands at the paths; the places of the rest stay."""
    if isinstance(value, Located):
        mapping = Located(value.place)
        for key, item in value.items():
            if (key,) not in paths:
                mapping.take(key, without(item, _below(paths, key)), value)
        return mapping
    if isinstance(value, LocatedList):
        items = LocatedList(value.place)
        for index, (item, place) in enumerate(value.placed()):
            if (index,) not in paths:
                items.put(without(item, _below(paths, index)), place)
        return items
    return value


def _below(paths: frozenset[Path], step: str | int) -> frozenset[Path]:
    return frozenset(path[1:] for path in paths if len(path) > 1 and path[0] == step)


def plain(value: Json) -> Json:
    """The same value in dicts and lists that know nothing of places."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value
