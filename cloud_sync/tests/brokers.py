"""Brokers for tests: a real one on a free loopback port, and one that answers with given bytes."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from iotcore import Broker

_CONFIG = """
id = 0
[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 200
max_segment_size = 1048576
max_segment_count = 10
[v5.1]
name = "v5"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 5000
max_payload_size = 262144
max_inflight_count = 100
dynamic_filters = true
"""


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def real_broker(folder: Path, port: int) -> Broker:
    """Return a broker of MQTT 5 for *port*, not yet started."""
    config = folder / "broker.toml"
    config.write_text(_CONFIG.format(port=port))
    return Broker(config_path=str(config))


@contextmanager
def scripted_broker(
    connack: bytes, suback: bytes = b"", context: ssl.SSLContext | None = None
) -> Iterator[tuple[int, list[bytes]]]:
    """Serve one connection after another on a loopback port, answering CONNECT and SUBSCRIBE with given bytes.

    Gives the port and the list of whatever came in, one item a read.
    """
    came: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                if context is not None:
                    try:
                        connection = context.wrap_socket(connection, server_side=True)
                    except OSError:
                        continue
                with connection:
                    while True:
                        try:
                            read = connection.recv(1 << 20)
                        except OSError:
                            break
                        if not read:
                            break
                        came.append(read)
                        if read[0] == 0x10 and not connack:
                            break
                        if read[0] == 0x10:
                            connection.sendall(connack)
                        elif read[0] == 0x82 and suback:
                            connection.sendall(b"\x90" + bytes((len(suback) + 2,)) + read[2:4] + suback)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield port, came
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            thread.join(5)
