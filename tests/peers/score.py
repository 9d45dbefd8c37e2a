"""How much of what was said was heard: PESQ (ITU-T P.862, narrow band) of a recording against its source.

    build/venv/bin/python tests/peers/score.py SAID.wav HEARD.wav [--segment 8]

Both are 8 kHz. The recording is aligned to the source first, then scored by segments, since PESQ is made for
sentences. Prints one JSON line: {"pesq": MEAN, "pesq_min": WORST, "delay_ms": N, "segments": N}.
4.5 is identical; mu-law alone gives about 4.1 on speech. Tones cannot be scored: use `audio.py hear`.
"""

import argparse
import json
import sys

import numpy as np
from pesq import NoUtterancesError, pesq

from audio import read_wav

RATE = 8000


def load(path):
    samples, rate = read_wav(path)
    if rate != RATE:
        raise SystemExit(f"{path}: {rate} Hz, {RATE} expected")
    return np.asarray(samples, dtype=np.float64)


def delay_samples(said, heard):
    """Where in `heard` the source begins: the peak of the cross-correlation."""
    size = 1 << (len(said) + len(heard)).bit_length()
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(said, size))
    correlation = np.fft.irfft(spectrum, size)
    at = int(np.argmax(np.abs(correlation)))
    return at if at < size // 2 else at - size


def aligned(said, heard):
    delay = delay_samples(said, heard)
    heard = heard[delay:] if delay >= 0 else np.concatenate([np.zeros(-delay), heard])
    length = min(len(said), len(heard))
    return said[:length], heard[:length], delay


def scores(said, heard, segment):
    for start in range(0, len(said) - segment + 1, segment):
        try:
            yield float(pesq(RATE, said[start : start + segment], heard[start : start + segment], "nb"))
        except NoUtterancesError:
            continue  # nobody speaks in this segment


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("said")
    parser.add_argument("heard")
    parser.add_argument("--segment", type=float, default=8.0, help="seconds")
    args = parser.parse_args()
    said, heard, delay = aligned(load(args.said), load(args.heard))
    found = list(scores(said, heard, min(round(args.segment * RATE), len(said))))
    if not found:
        raise SystemExit("no speech to score")
    result = {
        "pesq": round(sum(found) / len(found), 2),
        "pesq_min": round(min(found), 2),
        "delay_ms": round(1000 * delay / RATE),
        "segments": len(found),
    }
    json.dump(result, sys.stdout)
    print()


if __name__ == "__main__":
    main()
