#!/usr/bin/env python3
"""How long a click takes through a LiveKit room, on LiveKit's own Python SDK (`pip install livekit`).

    livekit_clicks.py URL TOKEN [--send] [--every S]

Joins and listens: a click is a burst of sound after silence. With `--send` it publishes a microphone that
clicks every S seconds. Speaks JSON, one object a line, on standard output; times are seconds since 1970:

    {"event": "connected"} {"event": "published"}
    {"event": "clicked", "at": ..}                   handed to the SDK
    {"event": "heard", "identity": .., "at": ..}     given by the SDK, its own jitter buffer included, and played

Ends with its standard input.
"""

import argparse
import asyncio
import json
import sys
import time

import numpy
from livekit import rtc

RATE = 48_000
FRAME = RATE // 100
LOUD = 0.05
# Of silence before a click.
PAUSE_S = 0.15
CLICK_FRAMES = 3
CLICK_HZ = 1000


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


async def listen(track, identity):
    """Says when the first loud sample of each click came."""
    last_loud = 0.0
    async for event in rtc.AudioStream(track, sample_rate=RATE, num_channels=1):
        now = time.time()
        pcm = numpy.frombuffer(bytes(event.frame.data), dtype=numpy.int16)
        loud = numpy.flatnonzero(numpy.abs(pcm) > LOUD * 32768)
        if not len(loud):
            continue
        if now - last_loud > PAUSE_S:
            say("heard", identity=identity, at=now + int(loud[0]) / RATE)
        last_loud = now


async def click(room, every):
    # Nothing waits before it is sent.
    source = rtc.AudioSource(RATE, 1, queue_size_ms=0)
    track = rtc.LocalAudioTrack.create_audio_track("mic", source)
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=False)
    await room.local_participant.publish_track(track, options)
    say("published")
    steps = numpy.arange(CLICK_FRAMES * FRAME) * (2 * numpy.pi * CLICK_HZ / RATE)
    burst = (0.5 * 32767 * numpy.sin(steps)).astype(numpy.int16).reshape(CLICK_FRAMES, FRAME)
    silence = numpy.zeros(FRAME, dtype=numpy.int16)
    period = round(every * 100)
    started = time.time()
    number = 0
    while True:
        place = number % period
        frame = burst[place] if place < CLICK_FRAMES else silence
        if place == 0:
            say("clicked", at=time.time())
        await source.capture_frame(rtc.AudioFrame(frame.tobytes(), RATE, 1, FRAME))
        number += 1
        await asyncio.sleep(max(0.0, started + number * FRAME / RATE - time.time()))


async def run(args):
    room = rtc.Room()

    @room.on("track_subscribed")
    def _(track, _publication, participant):
        tasks.append(asyncio.ensure_future(listen(track, participant.identity)))

    tasks = []
    await room.connect(args.url, args.token, rtc.RoomOptions())
    say("connected")
    if args.send:
        tasks.append(asyncio.ensure_future(click(room, args.every)))
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    await room.disconnect()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("token")
    parser.add_argument("--send", action="store_true")
    parser.add_argument("--every", type=float, default=0.4, help="seconds from click to click")
    args = parser.parse_args()
    asyncio.run(run(args))


if __name__ == "__main__":
    main()
