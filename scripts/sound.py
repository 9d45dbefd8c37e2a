"""Scores what the sound harness wrote, and makes docs/sound/*.svg and the tables of docs/sound.md from it.

    build/venv/bin/python scripts/sound.py build/sound [--docs docs]

PESQ is ITU-T P.862 (narrow band, or wide band for a codec of 16 kHz), STOI is Taal's; both over turns of nine seconds,
each of which is aligned with the source first. `shift` is how far the alignment of one turn is from that of another: the
change of delay that a listener was put through.
"""

import argparse
import json
import sys
import warnings
import wave
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from pesq import NoUtterancesError, pesq

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pystoi import stoi

TURN_S = 9
REFERENCE = "fixed 60"
CONCEALED = "fixed 60 + concealment"
OURS = "adaptive"
GOAL_BESIDE_CEILING = 0.1
GOAL_BESIDE_REFERENCE = 0.8


def load(path):
    with wave.open(str(path)) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return rate, samples.astype(np.float64) / 32768


def lag(said, heard):
    """Where in `heard` the source begins: the peak of the cross-correlation."""
    size = 1 << (len(said) + len(heard)).bit_length()
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(said, size))
    at = int(np.argmax(np.fft.irfft(spectrum, size)))
    return at if at < size // 2 else at - size


def score(job):
    said_path, heard_path, is_ours = job
    rate, said = load(said_path)
    heard_rate, heard = load(heard_path)
    assert rate == heard_rate, heard_path
    turn, before = TURN_S * rate, rate // 5
    heard = np.concatenate([np.zeros(before), heard, np.zeros(rate)])
    scores, words, lags = [], [], []
    for start in range(0, len(said) - turn + 1, turn):
        spoken = said[start : start + turn]
        around = heard[start : start + turn + before + rate // 2]
        shift = lag(spoken, around)
        lags.append((shift - before) / rate * 1000)
        got = around[max(shift, 0) :][:turn]
        got = np.pad(got, (0, turn - len(got)))
        try:
            scores.append(pesq(rate, spoken, got, "nb" if rate == 8000 else "wb"))
        except NoUtterancesError:
            scores.append(1.0)
        if is_ours:
            words.append(stoi(spoken, got, rate))
    return {
        "pesq": float(np.mean(scores)),
        "stoi": float(np.mean(words)) if words else 0.0,
        "shift_ms": float(max(lags) - min(lags)),
    }


def read(out):
    rows = [json.loads(line) for line in (out / "heard.jsonl").read_text().splitlines()]
    for codec in sorted({(row["codec"], row["rate_hz"]) for row in rows}):
        rows.append({"codec": codec[0], "rate_hz": codec[1], "path": "", "player": "ceiling", "file": f"{codec[0]}.wav"})
    jobs = [(out / f"said-{row['rate_hz']}.wav", out / row["file"], row["player"] == OURS) for row in rows]
    with ProcessPoolExecutor() as pool:
        for row, scores in zip(rows, pool.map(score, jobs)):
            row.update(scores)
    return mean_of_seeds(rows)


def mean_of_seeds(rows):
    groups = {}
    for row in rows:
        groups.setdefault((row["codec"], row["path"], row["player"]), []).append(row)
    numbers = ["pesq", "stoi", "shift_ms", "delay_ms", "concealed_ms"]
    return {
        key: {name: float(np.mean([row[name] for row in group])) for name in numbers if name in group[0]}
        for key, group in groups.items()
    }


def paths_of(rows, codec):
    return list(dict.fromkeys(path for c, path, _ in rows if c == codec and path))


def best_fixed(rows, codec, path):
    """The delay at which a fixed buffer with our concealment scores as well as ours does, between measured ones."""
    goal = rows[codec, path, OURS]["pesq"]
    fixed = sorted(
        (row["delay_ms"], row["pesq"])
        for (c, p, player), row in rows.items()
        if (c, p) == (codec, path) and player.startswith("framed")
    )
    if len(fixed) < 3:
        return None
    if fixed[0][1] >= goal - 0.005:
        return fixed[0][0]
    for (ms_before, before), (ms, after) in zip(fixed, fixed[1:]):
        if after >= goal - 0.005:
            return ms_before + (ms - ms_before) * min(1.0, max(0.0, (goal - before) / (after - before)))
    return float("inf")


def delay(ms):
    return "-" if ms is None else "none" if ms == float("inf") else f"{ms:.0f}"


def table(rows, codec):
    ceiling = rows[codec, "", "ceiling"]["pesq"]
    yield f"**{codec}**; without any network: {ceiling:.2f}."
    yield ""
    yield "| path | PESQ | below ceiling | fixed 60 ms | better by | fixed 60 ms, concealed | STOI | shift, ms | made up, s/min | delay, ms | fixed that scores the same, ms |"
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for path in paths_of(rows, codec):
        ours, reference = rows[codec, path, OURS], rows[codec, path, REFERENCE]
        concealed = rows[codec, path, CONCEALED]
        cells = [
            path,
            f"**{ours['pesq']:.2f}**",
            f"{abs(ceiling - ours['pesq']):.2f}",
            f"{reference['pesq']:.2f}",
            f"{ours['pesq'] - reference['pesq']:+.2f}".replace("-0.00", "+0.00"),
            f"{concealed['pesq']:.2f}",
            f"{ours['stoi']:.3f}",
            f"{ours['shift_ms']:.0f}",
            f"{ours['concealed_ms'] / 1500:.1f}",
            f"{ours['delay_ms']:.0f}",
            delay(best_fixed(rows, codec, path)),
        ]
        yield "| " + " | ".join(cells) + " |"
    yield ""


def goals(rows, codec):
    """What was aimed for; one line each, and whether all were reached."""
    ceiling = rows[codec, "", "ceiling"]["pesq"]
    for path in ("clean", "DSL"):
        below = ceiling - rows[codec, path, OURS]["pesq"]
        yield below <= GOAL_BESIDE_CEILING, f"{codec}, {path}: {abs(below):.2f} below the ceiling, {GOAL_BESIDE_CEILING} allowed"
    for path in ("loss 3.5 %", "LTE"):
        better = rows[codec, path, OURS]["pesq"] - rows[codec, path, REFERENCE]["pesq"]
        yield better >= GOAL_BESIDE_REFERENCE, f"{codec}, {path}: {better:+.2f} beside the reference, {GOAL_BESIDE_REFERENCE:+} wanted"
    for path in paths_of(rows, codec):
        same = best_fixed(rows, codec, path)
        ours = rows[codec, path, OURS]["delay_ms"]
        if same is not None:
            yield ours <= same + 0.5, f"{codec}, {path}: {ours:.0f} ms of delay, the best fixed buffer needs {delay(same)}"


def plot_scores(rows, codec, file):
    from matplotlib import pyplot as plt

    paths = paths_of(rows, codec)
    ceiling = rows[codec, "", "ceiling"]["pesq"]
    figure, axes = plt.subplots(figsize=(9, 4.6))
    at = np.arange(len(paths))
    bars = [(REFERENCE, "fixed 60 ms", "#b8bec8"), (CONCEALED, "fixed 60 ms, our concealment", "#7d9cc9"), (OURS, "the switch", "#1f5aa8")]
    for n, (player, label, colour) in enumerate(bars):
        axes.bar(at + (n - 1) * 0.27, [rows[codec, path, player]["pesq"] for path in paths], 0.25, label=label, color=colour)
    axes.axhline(ceiling, color="#333333", linewidth=1, linestyle="--")
    axes.text(len(paths) - 0.4, ceiling + 0.04, f"{codec} without a network", ha="right", va="bottom", fontsize=9)
    axes.set_xticks(at, paths, rotation=35, ha="right", fontsize=9)
    axes.set_ylim(1, 4.9)
    axes.set_ylabel("PESQ (narrow band)")
    axes.legend(loc="upper center", ncols=3, frameon=False, fontsize=9, bbox_to_anchor=(0.5, 1.12))
    finish(plt, figure, axes, file)


def plot_delays(rows, codec, file):
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 4.2))
    for path, colour in (("DSL", "#3c8d40"), ("Wi-Fi", "#c77700"), ("LTE", "#a3329a"), ("loss 3.5 %", "#1f5aa8")):
        fixed = sorted(
            (row["delay_ms"], row["pesq"])
            for (c, p, player), row in rows.items()
            if (c, p) == (codec, path) and player.startswith("framed")
        )
        axes.plot(*zip(*fixed), color=colour, linewidth=1.2, marker=".", markersize=5, alpha=0.75, label=f"{path}: fixed buffers, our concealment")
        ours = rows[codec, path, OURS]
        axes.plot(ours["delay_ms"], ours["pesq"], color=colour, marker="D", markersize=9, markeredgecolor="white", linestyle="", label=f"{path}: the switch")
    axes.set_xlabel("mean delay of the buffer, ms")
    axes.set_ylabel("PESQ (narrow band)")
    axes.set_ylim(1, 4.6)
    axes.legend(fontsize=8, frameon=False, ncols=2, loc="lower right")
    finish(plt, figure, axes, file)


def finish(plt, figure, axes, file):
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(axis="y", color="#e2e5ea", linewidth=0.8)
    axes.set_axisbelow(True)
    figure.tight_layout()
    # A white ground of its own: it is read on dark pages as well. No date, so that the same figures give the same file.
    figure.savefig(file, facecolor="white", metadata={"Date": None})
    plt.close(figure)


def replace_between(text, mark, lines):
    begin, end = f"<!-- {mark} -->\n", f"<!-- /{mark} -->"
    head, rest = text.split(begin, 1)
    _, tail = rest.split(end, 1)
    return head + begin + "\n".join(lines).rstrip() + "\n" + end + tail


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--docs", type=Path, help="where sound.md is; its tables and plots are made anew")
    args = parser.parse_args()
    rows = read(args.out)
    codecs = list(dict.fromkeys(codec for codec, _, _ in rows))
    lines = [line for codec in codecs for line in table(rows, codec)]
    print("\n".join(lines))
    results = [result for codec in codecs for result in goals(rows, codec)]
    verdicts = [f"- {'reached' if reached else '**missed**'}: {text}" for reached, text in results]
    print("\n".join(verdicts))
    if args.docs:
        import matplotlib

        matplotlib.use("svg")
        matplotlib.rcParams.update({"svg.hashsalt": "sound", "svg.fonttype": "path", "font.size": 10})
        (args.docs / "sound").mkdir(exist_ok=True)
        plot_scores(rows, codecs[0], args.docs / "sound" / "pesq.svg")
        plot_delays(rows, codecs[0], args.docs / "sound" / "delay.svg")
        page = args.docs / "sound.md"
        text = replace_between(page.read_text(), "table", lines)
        page.write_text(replace_between(text, "goals", verdicts))
    reached = sum(ok for ok, _ in results)
    print(f"{reached} of {len(results)} goals reached")


if __name__ == "__main__":
    sys.exit(main())
