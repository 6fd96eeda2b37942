"""A broker whose certificate nobody vouches for: each kind says so, and soon."""

import asyncio
import datetime
import gc
import ssl
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from scripts.stands.brokers import running_nats
from tracker.ingest.broker import UNTRUSTED, BrokerAway, BrokerSource
from tracker.ingest.broker_place import BrokerPlace
from tracker.ingest.mqtt_source import MqttSource
from tracker.ingest.nats_source import NatsSource
from tracker.ingest.redis_source import RedisSource


@pytest.fixture(scope="module")
def own_certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate that is signed by itself, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "broker.crt", folder / "broker.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths


@pytest.fixture(scope="module")
def nats_port(own_certificate: tuple[Path, Path]) -> Iterator[int]:
    certificate, key = own_certificate
    with running_nats("--tls", "--tlscert", str(certificate), "--tlskey", str(key)) as broker:
        yield broker.port


async def refusal(source: BrokerSource) -> str:
    with pytest.raises(BrokerAway) as away:
        await source.open()
    return str(away.value)


def nats(port: int) -> BrokerSource:
    return NatsSource(
        BrokerPlace("tls", "nats", True, "127.0.0.1", port, "", "", ""), "clicks", None, "g", 99, 60.0
    )


def test_nats_says_that_its_certificate_is_not_trusted(nats_port: int) -> None:
    began = time.monotonic()
    assert asyncio.run(refusal(nats(nats_port))) == UNTRUSTED
    # Without a bound it would wait for the end of the socket for ever.
    assert time.monotonic() - began < 9


def test_nats_is_taken_from_where_the_authority_is_named(
    nats_port: int, own_certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(own_certificate[0]))

    async def opens() -> None:
        source = nats(nats_port)
        await source.open()
        await source.close()

    asyncio.run(opens())


# paho leaves the socket of a failed handshake to the collector of garbage.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize(
    "source",
    [
        lambda place: RedisSource(place, 0, "clicks", "footfall", 60),
        lambda place: MqttSource(place, "clicks", "footfall", 10),
    ],
    ids=["redis", "mqtt"],
)
def test_redis_and_mqtt_say_so_too(
    source: Callable[[BrokerPlace], BrokerSource], own_certificate: tuple[Path, Path]
) -> None:
    async def ask() -> str:
        # Nothing of the broker itself is asked for before the handshake is over.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*own_certificate)
        server = await asyncio.start_server(
            lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=context
        )
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await refusal(source(BrokerPlace("x", "x", True, "127.0.0.1", port, "", "", "")))

    assert asyncio.run(ask()) == UNTRUSTED
    gc.collect()
