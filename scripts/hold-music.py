#!/usr/bin/env python3
"""Writes the hold music: a calm loop of 48 seconds at 8 kHz, 16 bit, mono.

    hold-music.py OUTPUT.wav

Sixteen bars at 80 beats a minute: soft chords, a quiet broken chord above them, a sparse melody
like an electric piano, a little room. Everything is sine waves below 3.4 kHz, so the telephone
carries it whole, and nothing sounds below 120 Hz, which it would not carry.

The loop has no seam: time is a ring. A note that rings on past the end is written into the
beginning, and the room has already heard the loop once when it is recorded. The length is a
whole number of 20 ms frames. Same input, same output: there is no chance in it.
"""

import array
import math
import sys
import wave

RATE = 8000
BEAT = RATE * 60 // 80
BAR = 4 * BEAT
BARS = 16
LENGTH = BARS * BAR
RMS_DBFS = -22.0

# Bass note and chord of each bar, as MIDI numbers (60 is middle C).
CHORDS = [
    (48, [60, 64, 67, 71]), (57, [60, 64, 67, 69]), (53, [57, 60, 64, 65]), (55, [59, 62, 67, 69]),
    (52, [59, 62, 64, 67]), (57, [60, 64, 67, 69]), (50, [57, 60, 62, 65]), (55, [60, 62, 65, 67]),
    (48, [60, 64, 67, 71]), (53, [57, 60, 64, 69]), (52, [59, 62, 64, 67]), (57, [60, 64, 67, 69]),
    (50, [57, 60, 62, 65]), (52, [59, 62, 64, 67]), (53, [57, 60, 64, 65]), (55, [60, 62, 67, 69]),
]

# Melody of each bar: (beat, MIDI number, length in beats).
MELODY = [
    [(0, 76, 2), (2.5, 79, 1.5)], [(0, 81, 1.5), (2, 79, 1), (3, 76, 1)],
    [(0, 77, 2), (2, 76, 1), (3, 72, 1)], [(0, 74, 3)],
    [(0, 71, 1), (1, 74, 1), (2, 79, 2)], [(0.5, 76, 1.5), (2, 72, 2)],
    [(0, 74, 1), (1, 77, 1), (2, 81, 2)], [(0, 79, 3)],
    [(1, 76, 1), (2, 79, 1), (3, 84, 1)], [(0, 81, 2.5), (3, 79, 1)],
    [(0, 79, 1.5), (2, 74, 2)], [(0, 76, 3)],
    [(0.5, 77, 1), (2, 76, 1), (3, 74, 1)], [(0, 71, 2), (2, 74, 2)],
    [(0, 72, 1), (1, 76, 1), (2, 81, 2)], [(0, 79, 2), (2.5, 74, 1.5)],
]

# Which note of the chord each eighth of a bar plucks.
PATTERN = [0, 2, 1, 3, 2, 1, 3, 2]


def hertz(midi):
    return 440.0 * 2.0 ** ((midi - 69) / 12.0)


def add_pad(ring, start, length, midi, level, harmonics):
    """A note that swells and fades in half a second, doubled slightly out of tune."""
    fade = RATE // 2
    for detune in (0.9985, 1.0015):
        turn = 2.0 * math.pi * hertz(midi) * detune / RATE
        for n in range(length + fade):
            swell = min(1.0, n / fade, (length + fade - n) / fade)
            gain = level * 0.5 * (0.5 - 0.5 * math.cos(math.pi * swell))
            tone = sum(h * math.sin(turn * (k + 1) * n) for k, h in enumerate(harmonics))
            ring[(start + n) % LENGTH] += gain * tone


def add_key(ring, start, length, midi, level, decay):
    """A struck note: bright for a moment, then nearly a sine; let go after its length."""
    turn = 2.0 * math.pi * hertz(midi) / RATE
    attack, release = RATE // 100, RATE // 4
    for n in range(length + release):
        let_go = min(1.0, (length + release - n) / release)
        gain = level * min(1.0, n / attack) * math.exp(-n / (decay * RATE)) * let_go
        bright = math.exp(-n / (0.15 * RATE))
        tone = math.sin(turn * n) + (0.12 + 0.25 * bright) * math.sin(2 * turn * n)
        if hertz(midi) * 3 < 3300:
            tone += 0.15 * bright * math.sin(3 * turn * n)
        ring[(start + n) % LENGTH] += gain * tone


def compose():
    ring = [0.0] * LENGTH
    for bar, (bass, chord) in enumerate(CHORDS):
        start = bar * BAR
        add_pad(ring, start, BAR - RATE // 8, bass, 0.16, [1.0, 0.5, 0.25])
        for midi in chord:
            add_pad(ring, start, BAR - RATE // 8, midi, 0.15, [1.0, 0.3, 0.1])
        for eighth, note in enumerate(PATTERN):
            level = 0.05 if eighth % 4 else 0.07
            add_key(ring, start + eighth * BEAT // 2, BEAT // 2, chord[note] + 12, level, 0.4)
        for beat, midi, beats in MELODY[bar]:
            add_key(ring, start + int(beat * BEAT), int(beats * BEAT), midi, 0.24, 0.9)
    return ring


def add_room(dry):
    """Schroeder's reverberator over two rounds; the second is the ring in its steady state."""
    wet = [0.0] * (2 * LENGTH)
    for delay, feedback in ((241, 0.76), (271, 0.74), (307, 0.72), (353, 0.70)):
        line, at, damped = [0.0] * delay, 0, 0.0
        for n in range(2 * LENGTH):
            damped += 0.55 * (line[at] - damped)
            wet[n] += line[at]
            line[at] = dry[n % LENGTH] + damped * feedback
            at = (at + 1) % delay
    for delay in (40, 13):
        line, at = [0.0] * delay, 0
        for n in range(2 * LENGTH):
            held = line[at]
            line[at] = wet[n] + 0.5 * held
            wet[n] = held - 0.5 * line[at]
            at = (at + 1) % delay
    return [dry[n] + 0.1 * wet[n + LENGTH] for n in range(LENGTH)]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    music = add_room(compose())
    rms = math.sqrt(sum(x * x for x in music) / LENGTH)
    scale = 10.0 ** (RMS_DBFS / 20.0) / rms * 32768.0
    samples = array.array("h", (max(-32768, min(32767, round(x * scale))) for x in music))
    if sys.byteorder == "big":
        samples.byteswap()
    with wave.open(sys.argv[1], "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())


main()
