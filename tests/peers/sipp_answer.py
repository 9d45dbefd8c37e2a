"""A trunk nobody here wrote, which the switch calls: sipp, strict about signalling, deaf to audio.

    sipp_answer.py SCENARIO --port 5080 [--tone 440] [--seconds 3] [--calls 1] [--transport udp|tcp]
                   [--login USER:PASSWORD] [--keep FOLDER]

SCENARIO is a file of tests/peers/sipp_answer without its suffix: until-bye, bye, busy, decline, ring, login, transfer. Each
wants to be called as +15555550177. --seconds is the length of its pause. Prints one JSON line as sipp_call.py does; the exit
status is 0 when every call went as the scenario says.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import audio
import sipp_call

SCENARIOS = Path(__file__).resolve().parent / "sipp_answer"


def render(args, folder):
    sound = folder / "tone.ul"
    audio.write_mu_law(sound, audio.tone(args.tone, 2.0, 8000))
    user, _, password = args.login.partition(":")
    text = (SCENARIOS / f"{args.scenario}.xml").read_text()
    text = text.replace("@TONE@", str(sound)).replace("@USER@", user).replace("@PASSWORD@", password)
    path = folder / f"{args.scenario}.xml"
    path.write_text(text)
    return path


def command(args, folder):
    return [
        "sipp",
        "-sf", str(render(args, folder)),
        "-t", "u1" if args.transport == "udp" else "t1",
        "-m", str(args.calls), "-d", str(round(args.seconds * 1000)),
        "-timeout", f"{round(args.seconds + 90)}s", "-timeout_error",
        "-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(args.port),
        "-nostdin", "-trace_err", "-error_file", str(folder / "errors.log"),
        "-trace_msg", "-message_file", str(folder / "messages.log"),
        "-trace_stat", "-stf", str(folder / "stat.csv"), "-fd", "1",
    ]  # fmt: skip


def run(args, folder):
    with open(folder / "screen.log", "wb") as screen:
        status = subprocess.run(
            command(args, folder), cwd=folder, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen, check=False
        ).returncode
    json.dump({"ok": status == 0} | sipp_call.counts(folder), sys.stdout)
    print()
    if status != 0:
        for name in ("errors.log", "messages.log"):
            if (folder / name).exists():
                sys.stderr.write((folder / name).read_text(errors="replace")[-8000:])
    return status


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", choices=sorted(path.stem for path in SCENARIOS.glob("*.xml")))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tone", type=float, default=440.0, help="Hz")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--calls", type=int, default=1)
    parser.add_argument("--transport", choices=("udp", "tcp"), default="udp")
    parser.add_argument("--login", default="", metavar="USER:PASSWORD")
    parser.add_argument("--keep", help="folder for sipp's own logs")
    args = parser.parse_args()
    if args.keep:
        folder = Path(args.keep).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        return run(args, folder)
    with tempfile.TemporaryDirectory(prefix="sipp-") as folder:
        return run(args, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
