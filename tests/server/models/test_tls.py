"""Endpoints behind a certificate that no public authority has signed."""

from __future__ import annotations

import shutil
import ssl
import subprocess

import pytest

from tests.server.models.endpoint import endpoint_running
from tests.server.models.judging import KEY
from tests.server.models.mind import HELLO
from tests.server.models.switch import right
from tests.server.runs_help import make_assistant, say_and_run, texts


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Of 127.0.0.1, signed by itself: the certificate's file and the key's."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    directory = tmp_path_factory.mktemp("tls")
    files = directory / "own.pem", directory / "own.key"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-nodes", "-days", "2", "-subj", "/CN=shop"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
            *("-out", str(files[0]), "-keyout", str(files[1])),
        ],
        check=True,
        capture_output=True,
    )
    return files


@pytest.fixture
def endpoint(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with endpoint_running({"shop": right("shop", "here")}, context) as endpoint:
        yield endpoint


def hello(start, connect, **model):
    """The run that says hello, and all words on its thread."""
    client = connect(start(model={"api_key": KEY, **model}))
    assistant = make_assistant(client, model="shop", tools=[])
    thread, run = say_and_run(client, assistant, "Say good day.")
    return run, texts(client, thread)


def test_an_authority_of_ones_own_is_named_by_ca_file(start, connect, endpoint, certificate):
    run, said = hello(start, connect, base_url=endpoint.url, ca_file=str(certificate[0]))
    assert (run.status, said[-1]) == ("completed", ("assistant", HELLO))


def test_an_authority_of_ones_own_may_stand_in_the_environment(
    start, connect, endpoint, certificate, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    run, said = hello(start, connect, base_url=endpoint.url)
    assert (run.status, said[-1]) == ("completed", ("assistant", HELLO))


def test_a_certificate_that_nobody_vouches_for_is_told(start, connect, endpoint):
    run, _ = hello(start, connect, base_url=endpoint.url)
    assert (run.status, "certificate verify failed" in run.last_error.message) == ("failed", True)
