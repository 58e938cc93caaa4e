"""Brokers for tests: a real one on a free loopback port, and one that answers with given bytes."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from iotcore import Broker

from hil_tests.brokers import PipBroker


def real_broker(folder: Path, port: int) -> Broker:
    """Return a broker of MQTT 5 for *port*, not yet started."""
    broker = PipBroker(port)
    broker.prepare(folder, "")
    return Broker(config_path=str(folder / "broker.toml"))


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
