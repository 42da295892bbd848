"""The `hw-anon-host` command line: the camera on a board, on a simulated one, or played from a recording."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hw_anon.console.app import new_app
from hw_anon.console.guard import run_guarded
from hw_anon.console.output import JsonOption, emit_document, note, print_table, status
from hw_anon.core.errors import ConfigError, DeviceError

if TYPE_CHECKING:
    import ssl

    from host.actions.sinks import EventSink
    from host.live.session import Serving
    from host.opening import Opened

__all__ = ["main", "make_app"]

_HELP = """The camera that cannot show a face, from the side of the computer behind it.

Frames come from a board (the installed design, or --design), from the design's RTL on a simulated board
(--simulated and --video), or from an anonymised video (--recording).
"""

DesignOption = Annotated[Path | None, typer.Option("--design", help="Directory of the design to load onto the board.")]
SimulatedOption = Annotated[
    Path | None, typer.Option("--simulated", help="Camera directory to simulate in place of a board.")
]
VideoOption = Annotated[Path | None, typer.Option("--video", help="What the simulated sensor sees.")]
RecordingOption = Annotated[
    Path | None, typer.Option("--recording", help="Anonymised video of hw-anon-host record, in place of a camera.")
]
SignatureOption = Annotated[
    Path | None,
    typer.Option(
        "--require-signature", help="Public key (PEM) that has to have signed design or camera.", metavar="KEY"
    ),
]
FramesOption = Annotated[int | None, typer.Option("--frames", min=1, help="Frames after which to end.")]
DetectorOption = Annotated[Path, typer.Option("--detector", help="Directory that hw-anon export-detector wrote.")]
ThreadsOption = Annotated[int | None, typer.Option("--threads", help="Threads of the detector; default: all cores.")]
EventsOption = Annotated[
    str, typer.Option("--events", help="File to which events are appended as JSON lines; - for standard output.")
]
MqttOption = Annotated[
    str | None, typer.Option("--mqtt", help="Publish events as well: mqtt://host[:port]/topic, or mqtts://.")
]
CredentialsOption = Annotated[
    Path | None, typer.Option("--mqtt-credentials", help="File with one line user:password for the broker.")
]
HostOption = Annotated[
    str, typer.Option("--host", help="Address to listen on; others than this machine's need a token.")
]
PortOption = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 for any that is free.")]
TokenOption = Annotated[Path | None, typer.Option("--token-file", help="File with what a visitor must know.")]
CertificateOption = Annotated[Path | None, typer.Option("--certificate", help="TLS certificate chain (PEM).")]
KeyOption = Annotated[Path | None, typer.Option("--key", help="Its private key (PEM).")]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Source:
    """The options that say where frames come from."""

    design: Path | None
    simulated: Path | None
    video: Path | None
    recording: Path | None = None
    frames: int | None = None
    key: Path | None

    @property
    def lossless(self) -> bool:
        """Whether frames wait for whoever takes them."""
        return self.simulated is not None or self.recording is not None

    def open(self, stack: ExitStack) -> Opened:
        """Opens it until the stack is left."""
        from host.opening import open_source

        return stack.enter_context(
            open_source(
                self.design,
                simulated=self.simulated,
                video=self.video,
                recording=self.recording,
                frames=self.frames,
                require_signature=self.key,
            )
        )


def run(
    detector: DetectorOption,
    design: DesignOption = None,
    simulated: SimulatedOption = None,
    video: VideoOption = None,
    recording: RecordingOption = None,
    frames: FramesOption = None,
    require_signature: SignatureOption = None,
    events: EventsOption = "-",
    mqtt: MqttOption = None,
    mqtt_credentials: CredentialsOption = None,
    threads: ThreadsOption = None,
) -> None:
    """Report people's actions as events: JSON lines on standard output, in a file or over MQTT.

    Ends with the video, after --frames, or with Ctrl-C; what still goes on then is reported as ended. Counters and
    latencies follow on standard error.

    Example: hw-anon-host run --detector build/detector --events events.jsonl
    """
    from host.actions.detector import OnnxDetector
    from host.analysis import Analysis
    from host.flow import Flow

    source = _Source(
        design=design, simulated=simulated, video=video, recording=recording, frames=frames, key=require_signature
    )
    with ExitStack() as stack:
        model = OnnxDetector(detector, threads=threads)
        opened = source.open(stack)
        analysis = Analysis(model, _sinks(events, mqtt, mqtt_credentials))
        flow = Flow(opened, [analysis], lossless=source.lossless)
        flow.run(frames=frames)
    meter = model.meter
    note(f"{flow.counts.frames} frames from {opened.describe()}, {sum(flow.counts.faults.values())} withheld")
    note(
        f"{meter.count} analysed with {model.threads} threads, {flow.replaced[analysis.name]} not: median "
        f"{meter.milliseconds(0.5):.1f} ms, slowest 5 % {meter.milliseconds(0.95):.1f} ms, {meter.per_second():.1f}/s"
    )


def record(
    out: Annotated[Path, typer.Argument(help="Video to write, .mp4 or .mkv.")],
    design: DesignOption = None,
    simulated: SimulatedOption = None,
    video: VideoOption = None,
    frames: FramesOption = None,
    require_signature: SignatureOption = None,
    fps: Annotated[float, typer.Option("--fps", help="Nominal frames a second; each is shown at its own time.")] = 30.0,
    as_json: JsonOption = False,
) -> None:
    """Write anonymised video to a file.

    Ends with the video, after --frames, or with Ctrl-C; the file appears then, whole.

    Example: hw-anon-host record hall.mp4 --frames 900
    """
    from host.flow import Flow
    from host.recording import Recorder

    source = _Source(design=design, simulated=simulated, video=video, frames=frames, key=require_signature)
    with ExitStack() as stack:
        opened = source.open(stack)
        recorder = Recorder(out, fps=fps, origin=opened.describe())
        flow = Flow(opened, [recorder], lossless=source.lossless)
        flow.run(frames=frames)
    if not recorder.frames:
        raise DeviceError(f"no frame came; {out} was not written")
    document = {"file": str(out), "frames": recorder.frames, "faults": flow.counts.faults, "missed": flow.replaced}
    if as_json:
        emit_document(document)
    else:
        print_table("Anonymised video written", ("figure", "value"), [(k, str(v)) for k, v in document.items()])


def check(
    design: DesignOption = None,
    simulated: SimulatedOption = None,
    video: VideoOption = None,
    require_signature: SignatureOption = None,
    detector: Annotated[Path | None, typer.Option("--detector", help="Exported action detector to check too.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Test the board: design, signature, build id, registers, frames in bounded time, faults, the detector.

    The exit status is 5 if a step fails.

    Example: hw-anon-host check --require-signature maker.pub --detector build/detector
    """
    from host.actions.detector import OnnxDetector
    from host.opening import CameraSource
    from host.selftest import check_camera, check_detector

    source = _Source(design=design, simulated=simulated, video=video, key=require_signature)
    with ExitStack() as stack:
        opened = source.open(stack)
        assert isinstance(opened, CameraSource)
        findings = check_camera(opened)
        if detector is not None:
            findings.append(check_detector(OnnxDetector(detector), opened))
    passed = all(finding.ok for finding in findings)
    if as_json:
        emit_document({"passed": passed, "findings": [asdict(finding) for finding in findings]})
    else:
        rows = [(finding.name, "ok" if finding.ok else "NO", finding.found) for finding in findings]
        print_table(opened.describe(), ("step", "ok", "found"), rows)
    if not passed:
        raise DeviceError(f"not in order: {', '.join(finding.name for finding in findings if not finding.ok)}")


def live(
    detector: Annotated[Path | None, typer.Option("--detector", help="Exported detector; none: no actions.")] = None,
    design: DesignOption = None,
    simulated: SimulatedOption = None,
    video: VideoOption = None,
    recording: RecordingOption = None,
    frames: FramesOption = None,
    require_signature: SignatureOption = None,
    threads: ThreadsOption = None,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8080,
    token_file: TokenOption = None,
    certificate: CertificateOption = None,
    key: KeyOption = None,
) -> None:
    """Show the camera in a browser: anonymised video, people and their actions, counters and health.

    The page is reachable from this machine only, unless --host says otherwise; then visitors need the token.

    Example: hw-anon-host live --detector build/detector
    """
    from host.live.session import show

    serving = _serving(host, port, token_file, _tls(certificate, key))
    source = _Source(
        design=design, simulated=simulated, video=video, recording=recording, frames=frames, key=require_signature
    )
    with ExitStack() as stack:
        with status("opening the camera"):
            opened = source.open(stack)
        show(
            opened,
            serving,
            detector=detector,
            threads=threads,
            frames=frames,
            lossless=source.simulated is not None,
            paced=source.recording is not None,
            announce=note,
        )


def _sinks(events: str, mqtt: str | None, credentials: Path | None) -> list[EventSink]:
    from host.actions.sinks import LineSink, MqttSink, file_sink

    sinks: list[EventSink] = [LineSink(sys.stdout) if events == "-" else file_sink(Path(events))]
    if mqtt is not None:
        sinks.append(MqttSink(mqtt, credentials=credentials))
    elif credentials is not None:
        raise ConfigError("--mqtt-credentials without --mqtt: name the broker")
    return sinks


def _serving(host: str, port: int, token_file: Path | None, tls: ssl.SSLContext | None) -> Serving:
    """Returns where the page is served and to whom; says what is open to others."""
    from host.live.access import Access, read_token
    from host.live.session import Serving

    access = Access(host, None if token_file is None else read_token(token_file), secure=tls is not None)
    if not access.local and tls is None:
        note("without --certificate and --key, video and token cross the network readable for everyone on it")
    return Serving(access=access, host=host, port=port, tls=tls)


def _tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise ConfigError("--certificate and --key go together")
    import ssl

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as exc:  # ssl's own errors too; Python names no file
        raise ConfigError(f"{certificate} and {key} are no certificate with its key: {exc}") from exc
    return context


def make_app() -> typer.Typer:
    """Returns the command line, with every command."""
    app = new_app("hw-anon-host", text=_HELP)
    for command in (run, live, check, record):
        app.command(command.__name__)(command)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit status.

    Args:
        arguments: the words after `hw-anon-host`; default: those of this process.
    """
    return run_guarded(make_app(), list(sys.argv[1:] if arguments is None else arguments), name="hw-anon-host")
