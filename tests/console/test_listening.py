"""Where the console listens, and how Ctrl-C ends that."""

from __future__ import annotations

import os
import signal

import httpx2
import pytest
from starlette.applications import Starlette

from assistctl.console.listening import serve


def test_ctrl_c_is_minded_in_order_as_soon_as_the_address_is_told() -> None:
    told: list[str] = []

    def press(address: str) -> None:
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        told.append(address)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        serve(Starlette(), 0, press)
    (address,) = told
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(address, trust_env=False, verify=False)
