#!/usr/bin/env python3
"""A LiveKit participant for tests, on LiveKit's own Python SDK (`pip install livekit`).

    livekit_client.py URL TOKEN [--tone HZ] [--level 0..1] [--record DIR] [--interval S]
    livekit_client.py --stay NAME --bearer TOKEN TICKETS [...]

Joins, publishes a microphone that carries a tone (none with `--tone 0`) and listens. With `--stay` it gets its
URL and token by POST to TICKETS, and joins again with a new ticket whenever the SDK has given up, or the switch's /health says that LiveKit is back.
Speaks JSON, one object a line, on standard output:

    {"event": "connected", "room": .., "identity": .., "participants": [..]}
    {"event": "participant", "identity": .., "kind": .., "attributes": {..}}    joined or there before
    {"event": "subscribed" | "unsubscribed" | "muted" | "unmuted", "identity": .., "sid": ..}
    {"event": "attributes", "identity": .., "attributes": {..}}
    {"event": "speakers", "identities": [..]}
    {"event": "published", "sid": ..}
    {"event": "heard", "identity": .., "hz": .., "rms": .., "seconds": .., "gaps": ..}  every interval
    {"event": "state" | "disconnected" | "error", ..}

`hz` is the strongest tone of the interval, 0 for silence; `rms` is of full scale; `gaps` counts
10 ms stretches of silence inside an interval that has sound.

Commands on standard input: mute, unmute, unpublish, publish, tone HZ, leave.
With `--record DIR` each track is written to DIR/IDENTITY.wav at 48 kHz mono.
"""

import argparse
import asyncio
import contextlib
import json
import math
import os
import re
import sys
import urllib.parse
import urllib.request
import wave

import numpy
from livekit import rtc

RATE = 48_000
FRAME = RATE // 100
SILENCE_RMS = 0.003
# Before the next attempt to join where none may be joined now.
AGAIN_S = 0.25
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def strongest_tone(samples):
    """The strongest frequency in Hz (0 for silence), the RMS, and silent 10 ms stretches."""
    rms = float(numpy.sqrt(numpy.mean(samples**2))) if len(samples) else 0.0
    if rms < SILENCE_RMS:
        return 0.0, rms, 0
    spectrum = numpy.abs(numpy.fft.rfft(samples * numpy.hanning(len(samples))))
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    silent = numpy.sqrt(numpy.mean(frames**2, axis=1)) < SILENCE_RMS
    hz = float(numpy.argmax(spectrum)) * RATE / len(samples)
    return hz, rms, int(silent.sum())


class Ear:
    """Listens to one track and says every interval what it heard."""

    def __init__(self, track, identity, interval, record):
        self.identity = identity
        self.interval = interval
        self.file = None
        if record:
            name = re.sub(r"[^\w.+-]", "_", identity)
            self.file = wave.open(os.path.join(record, f"{name}.wav"), "wb")
            self.file.setparams((1, 2, RATE, 0, "NONE", ""))
        self.task = asyncio.ensure_future(self.listen(track))

    async def listen(self, track):
        heard = []
        stream = rtc.AudioStream(track, sample_rate=RATE, num_channels=1)
        async for event in stream:
            pcm = bytes(event.frame.data)
            if self.file:
                self.file.writeframes(pcm)
            heard.append(numpy.frombuffer(pcm, dtype=numpy.int16).astype(numpy.float64) / 32768)
            if sum(map(len, heard)) >= self.interval * RATE:
                samples = numpy.concatenate(heard)
                heard.clear()
                hz, rms, gaps = strongest_tone(samples)
                seconds = round(len(samples) / RATE, 2)
                say("heard", identity=self.identity, hz=round(hz, 1), rms=round(rms, 4),
                    seconds=seconds, gaps=gaps)

    def stop(self):
        self.task.cancel()
        if self.file:
            self.file.close()


class Client:
    def __init__(self, args):
        self.args = args
        self.tone = args.tone
        self.ears = {}
        self.source = rtc.AudioSource(RATE, 1)
        self.publication = None
        self.track = None
        self.left = asyncio.Event()
        self.enter()

    def enter(self):
        """A room of its own for every join: the SDK's cannot be joined twice."""
        self.room = rtc.Room()
        self.lost = asyncio.Event()
        self.listen_to_room()

    def listen_to_room(self):
        room, lost = self.room, self.lost

        @room.on("participant_connected")
        def _(participant):
            self.introduce(participant)

        @room.on("participant_disconnected")
        def _(participant):
            say("participant_left", identity=participant.identity)

        @room.on("track_subscribed")
        def _(track, publication, participant):
            say("subscribed", identity=participant.identity, sid=track.sid, name=publication.name,
                muted=publication.muted)
            self.ears[track.sid] = Ear(track, participant.identity, self.args.interval,
                                       self.args.record)

        @room.on("track_unsubscribed")
        def _(track, _publication, participant):
            say("unsubscribed", identity=participant.identity, sid=track.sid)
            if ear := self.ears.pop(track.sid, None):
                ear.stop()

        @room.on("track_muted")
        def _(participant, publication):
            say("muted", identity=participant.identity, sid=publication.sid)

        @room.on("track_unmuted")
        def _(participant, publication):
            say("unmuted", identity=participant.identity, sid=publication.sid)

        @room.on("participant_attributes_changed")
        def _(_changed, participant):
            say("attributes", identity=participant.identity,
                attributes=dict(participant.attributes))

        @room.on("active_speakers_changed")
        def _(speakers):
            say("speakers", identities=[speaker.identity for speaker in speakers])

        @room.on("connection_state_changed")
        def _(state):
            say("state", state=rtc.ConnectionState.Name(state))
            if self.args.stay and state == rtc.ConnectionState.CONN_RECONNECTING:
                self.watch = asyncio.ensure_future(self.give_up_early(room, lost))

        @room.on("disconnected")
        def _(reason):
            say("disconnected", reason=str(reason))
            lost.set()

    def introduce(self, participant):
        say("participant", identity=participant.identity, name=participant.name,
            kind=rtc.ParticipantKind.Name(participant.kind),
            attributes=dict(participant.attributes))

    async def publish(self):
        self.track = rtc.LocalAudioTrack.create_audio_track("mic", self.source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        self.publication = await self.room.local_participant.publish_track(self.track, options)
        say("published", sid=self.publication.sid)

    async def play(self):
        phase = 0.0
        while not self.left.is_set():
            steps = numpy.arange(FRAME) * (2 * math.pi * self.tone / RATE)
            samples = self.args.level * numpy.sin(phase + steps) * 32767
            phase = (phase + 2 * math.pi * self.tone / RATE * FRAME) % (2 * math.pi)
            pcm = samples.astype(numpy.int16).tobytes()
            await self.source.capture_frame(rtc.AudioFrame(pcm, RATE, 1, FRAME))

    async def obey(self):
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := (await reader.readline()).decode().split():
            match line:
                case ["mute"]:
                    self.track.mute()
                case ["unmute"]:
                    self.track.unmute()
                case ["unpublish"]:
                    await self.room.local_participant.unpublish_track(self.publication.sid)
                case ["publish"]:
                    await self.publish()
                case ["tone", hz]:
                    self.tone = float(hz)
                case ["leave"]:
                    break
                case _:
                    say("error", message=f"unknown command: {' '.join(line)}")
        self.left.set()

    async def run(self):
        tasks = [asyncio.ensure_future(self.obey())]
        if self.tone:
            tasks.append(asyncio.ensure_future(self.play()))
        stayed = await self.stay() if self.args.stay else await self.visit(*self.args.place)
        for task in tasks:
            task.cancel()
        return 0 if stayed else 1

    async def stay(self):
        while not self.left.is_set():
            try:
                ticket = await asyncio.to_thread(self.fetch_ticket)
                joined = await self.visit(ticket["url"], ticket["token"])
            except OSError as error:
                say("error", message=str(error))
                joined = False
            if not joined:
                await asyncio.sleep(AGAIN_S)
            self.enter()
        return True

    async def give_up_early(self, room, lost):
        """The SDK waits longer and longer; once the switch says that LiveKit is back, it need not."""
        was_lost = False
        while room.connection_state == rtc.ConnectionState.CONN_RECONNECTING:
            try:
                is_lost = (await asyncio.to_thread(self.fetch_health))["livekit"] == "lost"
            except OSError:
                is_lost = False
            if was_lost and not is_lost:
                lost.set()
                return
            was_lost = is_lost
            await asyncio.sleep(AGAIN_S)

    def fetch_health(self):
        url = urllib.parse.urljoin(self.args.place[0], "/health")
        with NO_PROXY.open(url, timeout=5) as answer:
            return json.load(answer)

    def fetch_ticket(self):
        body = json.dumps({"identity": self.args.stay, "name": self.args.stay}).encode()
        headers = {"Authorization": f"Bearer {self.args.bearer}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.args.place[0], body, headers, method="POST")
        with NO_PROXY.open(request, timeout=5) as answer:
            return json.load(answer)

    async def visit(self, url, token):
        """From joining until the room or this client ends it; whether it was in."""
        try:
            await self.room.connect(url, token, rtc.RoomOptions())
        except rtc.ConnectError as error:
            say("error", message=str(error))
            return False
        others = list(self.room.remote_participants.values())
        say("connected", room=self.room.name, identity=self.room.local_participant.identity,
            participants=[participant.identity for participant in others])
        for participant in others:
            self.introduce(participant)
        if self.tone:
            await self.publish()
        ends = [asyncio.ensure_future(event.wait()) for event in (self.left, self.lost)]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
        for ear in self.ears.values():
            ear.stop()
        self.ears.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.room.disconnect(), AGAIN_S)
        return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("place", nargs="+", help="URL and TOKEN, or TICKETS")
    parser.add_argument("--stay", metavar="NAME", help="join as NAME, again and again")
    parser.add_argument("--bearer", help="what TICKETS wants to see")
    parser.add_argument("--tone", type=float, default=440.0, help="Hz; 0 publishes nothing")
    parser.add_argument("--level", type=float, default=0.3, help="amplitude, 0 to 1")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds per report")
    parser.add_argument("--record", metavar="DIR", help="write each track to a WAV file")
    args = parser.parse_args()
    if args.record:
        os.makedirs(args.record, exist_ok=True)

    async def run():
        return await Client(args).run()

    sys.exit(asyncio.run(run()))


if __name__ == "__main__":
    main()
