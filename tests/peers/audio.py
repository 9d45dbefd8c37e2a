"""Sound for the peers, with nothing but the standard library: WAV and mu-law files, tones, and an ear for tones.

Command line:
    audio.py tone HZ SECONDS OUT.wav|OUT.ul [--rate 8000] [--level-dbfs -12]
    audio.py hear IN.wav [--tones 400,600,800] [--from S] [--to S]

`hear` prints one JSON line: the level of each tone and of the whole in dBFS, and the longest run of silence.
"""

import argparse
import array
import json
import math
import sys
import wave

SILENCE_DBFS = -90.0
# A 20 ms frame below this counts as silence.
SILENT_FRAME_DBFS = -50.0


def read_wav(path):
    """The first channel as floats in -1..1, and the sample rate."""
    with wave.open(str(path), "rb") as file:
        if file.getsampwidth() != 2:
            raise ValueError(f"{path}: 16-bit PCM expected")
        samples = array.array("h", file.readframes(file.getnframes()))
        return [sample / 32768 for sample in samples[:: file.getnchannels()]], file.getframerate()


def write_wav(path, samples, rate):
    pcm = array.array("h", (max(-32768, min(32767, round(sample * 32767))) for sample in samples))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm.tobytes())


def write_mu_law(path, samples):
    """Headerless G.711 mu-law at 8 kHz, as sipp's rtp_stream plays it."""
    with open(path, "wb") as file:
        file.write(bytes(mu_law(sample) for sample in samples))


def mu_law(sample):
    """One float as an ITU-T G.711 mu-law octet."""
    pcm = max(-32635, min(32635, round(sample * 32767)))
    sign = 0x80 if pcm < 0 else 0
    magnitude = abs(pcm) + 132
    exponent = magnitude.bit_length() - 8
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    return ~(sign | exponent << 4 | mantissa) & 0xFF


def tone(hz, seconds, rate, level_dbfs=-12.0):
    """A sine whose RMS is `level_dbfs` (full-scale sine = -3)."""
    peak = math.sqrt(2) * 10 ** (level_dbfs / 20)
    step = 2 * math.pi * hz / rate
    return [peak * math.sin(step * n) for n in range(round(seconds * rate))]


def level_dbfs(samples):
    power = sum(sample * sample for sample in samples) / max(1, len(samples))
    return 10 * math.log10(power) if power > 1e-9 else SILENCE_DBFS


def tone_dbfs(samples, rate, hz):
    """RMS level of one frequency (Goertzel over half-second blocks, the loudest block)."""
    block = max(1, rate // 2)
    coefficient = 2 * math.cos(2 * math.pi * hz / rate)
    best = 0.0
    for start in range(0, max(1, len(samples) - block + 1), block):
        part = samples[start : start + block]
        before = last = 0.0
        for sample in part:
            before, last = last, sample + coefficient * last - before
        power = last * last + before * before - coefficient * last * before
        best = max(best, 2 * power / max(1, len(part)) ** 2)
    return 10 * math.log10(best) if best > 1e-9 else SILENCE_DBFS


def longest_silence_ms(samples, rate):
    frame = rate // 50
    longest = run = 0
    for start in range(0, len(samples) - frame + 1, frame):
        run = run + 20 if level_dbfs(samples[start : start + frame]) < SILENT_FRAME_DBFS else 0
        longest = max(longest, run)
    return longest


def hear(path, tones, start=0.0, end=None):
    samples, rate = read_wav(path)
    samples = samples[round(start * rate) : None if end is None else round(end * rate)]
    return {
        "seconds": round(len(samples) / rate, 2),
        "level_dbfs": round(level_dbfs(samples), 1),
        "tones_dbfs": {str(hz): round(tone_dbfs(samples, rate, hz), 1) for hz in tones},
        "longest_silence_ms": longest_silence_ms(samples, rate),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    make = verbs.add_parser("tone")
    make.add_argument("hz", type=float)
    make.add_argument("seconds", type=float)
    make.add_argument("out")
    make.add_argument("--rate", type=int, default=8000)
    make.add_argument("--level-dbfs", type=float, default=-12.0)
    ear = verbs.add_parser("hear")
    ear.add_argument("wav")
    ear.add_argument("--tones", default="")
    ear.add_argument("--from", dest="start", type=float, default=0.0)
    ear.add_argument("--to", dest="end", type=float)
    args = parser.parse_args()
    if args.verb == "tone":
        samples = tone(args.hz, args.seconds, args.rate, args.level_dbfs)
        if args.out.endswith(".ul"):
            write_mu_law(args.out, samples)
        else:
            write_wav(args.out, samples, args.rate)
    else:
        tones = [int(hz) for hz in args.tones.split(",") if hz]
        json.dump(hear(args.wav, tones, args.start, args.end), sys.stdout)
        print()


if __name__ == "__main__":
    main()
