"""Where events go: a file or standard output as JSON lines, or an MQTT broker."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO
from urllib.parse import urlsplit

from host.actions.events import Event
from hw_anon.core.errors import ConfigError, DeviceError, ToolError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["EventSink", "LineSink", "MqttSink", "file_sink"]

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_WAITING_MESSAGES = 1000
_LEAVE_S = 5.0
_TAKEN = (0, 4)
"""paho's MQTT_ERR_SUCCESS, and MQTT_ERR_NO_CONN: the message waits for the connection."""


class EventSink(Protocol):
    """Takes events."""

    def send(self, event: Event) -> None:
        """Takes one event."""

    def close(self) -> None:
        """Delivers what waits."""


class LineSink:
    """Writes events as JSON lines, each one at once.

    Args:
        stream: a text stream; closed at the end unless it is standard output.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def send(self, event: Event) -> None:
        """Writes one line."""
        self._stream.write(event.to_line() + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Closes the file."""
        if self._stream is not sys.stdout:
            self._stream.close()


def file_sink(path: Path) -> LineSink:
    """Returns a sink that appends to a file: a stream of events has no end at which it could be moved into place.

    Raises:
        OSError: if the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    return LineSink(path.open("a", encoding="utf-8"))


class MqttSink:
    """Publishes each event at `<topic>/<action>`, at least once (quality of service 1).

    The connection is made in the background and again when it breaks; up to 1000 events wait meanwhile, newer ones are
    counted in `lost`.

    Args:
        address: `mqtt://host[:port]/topic`, or `mqtts://` for TLS with the system's certificates.
        credentials: file with one line `user:password`; default: none.
        make_client: makes the client; default: paho's.

    Raises:
        ConfigError: if the address or the credentials are no such thing.
        ToolError: if paho-mqtt is not installed.
    """

    def __init__(
        self, address: str, *, credentials: Path | None = None, make_client: Callable[[], Any] | None = None
    ) -> None:
        secure, host, port, self.topic = _parse(address)
        self._client = (make_client or _paho_client)()
        self.lost = 0
        if credentials is not None:
            self._client.username_pw_set(*_user_and_password(credentials))
        if secure:
            self._client.tls_set()
        self._queued = self._delivered = 0
        self._client.on_publish = self._published
        self._client.max_queued_messages_set(_WAITING_MESSAGES)
        self._client.connect_async(host, port)
        self._client.loop_start()

    def send(self, event: Event) -> None:
        """Queues one event."""
        if self._client.publish(f"{self.topic}/{event.action}", event.to_line(), qos=1).rc in _TAKEN:
            self._queued += 1
        else:
            self.lost += 1

    def _published(self, *details: Any) -> None:
        self._delivered += 1

    def close(self) -> None:
        """Waits up to 5 seconds until the broker has what was sent, and leaves.

        Raises:
            DeviceError: if the broker was not reached, or does not answer.
        """
        deadline = time.monotonic() + _LEAVE_S
        while self._delivered < self._queued and time.monotonic() < deadline:
            time.sleep(0.02)
        self._client.disconnect()
        self._client.loop_stop()
        missing = self._queued - self._delivered + self.lost
        if missing:
            raise DeviceError(f"the MQTT broker did not take {missing} events of {self.topic}; is it running?")


def _parse(address: str) -> tuple[bool, str, int, str]:
    """Returns whether to use TLS, host, port and topic of an MQTT address.

    Raises:
        ConfigError: if it is none, or has a password in it.
    """
    expected = f"MQTT address {address!r}: expected mqtt://host[:port]/topic, or mqtts://"
    try:
        parts = urlsplit(address)
        host, port, topic = parts.hostname, parts.port, parts.path.strip("/")
    except ValueError as exc:  # a port that is none, a bracket that is not closed
        raise ConfigError(f"{expected} ({exc})") from exc
    if parts.scheme not in _PORTS or not host or not topic or set("+#?") & set(address):
        raise ConfigError(expected)
    if parts.username or parts.password:
        raise ConfigError("an MQTT address with a password in it ends in logs: give the credentials in a file")
    return parts.scheme == "mqtts", host, port or _PORTS[parts.scheme], topic


def _paho_client() -> Any:
    try:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion
    except ImportError as exc:
        raise ToolError("events over MQTT need paho-mqtt: pip install 'hw-anon[mqtt]'") from exc
    return Client(CallbackAPIVersion.VERSION2)


def _user_and_password(path: Path) -> tuple[str, str]:
    user, colon, password = path.read_text(encoding="utf-8").strip().partition(":")
    if not colon or not user:
        raise ConfigError(f"{path}: expected one line user:password")
    return user, password
