"""Calls the switch with sipp: a second telephone nobody here wrote, strict about signalling, deaf to audio.

    sipp_call.py SCENARIO HOST:PORT [--to +15550100] [--from +15550123] [--tone 440] [--seconds 3]
                 [--calls 1] [--rate 1] [--transport udp|tcp] [--local ADDRESS] [--uri SIP-URI]
                 [--header 'X-Call-Id: 7']... [--login USER:PASSWORD] [--keep FOLDER]

SCENARIO is a file of tests/peers/sipp without its suffix: call, login, until-bye, hold, cancel, no-ack. --seconds is the
length of each pause in it. Prints one JSON line: {"ok": true, "calls": 1, "failed": 0, "retransmissions": 0}; the exit
status is sipp's own, 0 when every call went as the scenario says. On failure the messages are shown.
"""

import argparse
import csv
import json
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import audio

SCENARIOS = Path(__file__).resolve().parent / "sipp"
# What a scenario may wait for beyond its own pauses, in seconds: no-ack waits 64*T1.
PATIENCE = 60


def render(args, folder):
    """The scenario with the caller, the extra headers and the sound file filled in: sipp has no words for these."""
    sound = folder / "tone.ul"
    audio.write_mu_law(sound, audio.tone(args.tone, 2.0, 8000))
    text = (SCENARIOS / f"{args.scenario}.xml").read_text()
    text = text.replace("@FROM@", args.caller).replace("@TONE@", str(sound))
    text = text.replace("@HEADERS@", "".join(f"      {header}\n" for header in args.header))
    user, _, password = args.login.partition(":")
    text = text.replace("@USER@", user).replace("@PASSWORD@", password)
    if args.uri:
        text = text.replace("sip:[service]@[remote_ip]:[remote_port]", args.uri)
    path = folder / f"{args.scenario}.xml"
    path.write_text(text)
    return path


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("", 0))
        return probe.getsockname()[1]


def command(args, folder):
    local = args.local or (args.target.rsplit(":", 1)[0] if args.target.startswith("127.") else None)
    return [
        "sipp", args.target,
        "-sf", str(render(args, folder)),
        "-s", args.to,
        "-t", "u1" if args.transport == "udp" else "t1",
        "-m", str(args.calls), "-r", str(args.rate), "-l", str(args.calls),
        "-d", str(round(args.seconds * 1000)),
        "-timeout", f"{round(4 * args.seconds + args.calls / args.rate + PATIENCE)}s", "-timeout_error",
        "-p", str(free_port()),
        "-nostdin", "-trace_err", "-error_file", str(folder / "errors.log"),
        "-trace_msg", "-message_file", str(folder / "messages.log"),
        "-trace_stat", "-stf", str(folder / "stat.csv"), "-fd", "1",
        *(("-i", local, "-mi", local) if local else ()),
    ]  # fmt: skip


def counts(folder):
    path = folder / "stat.csv"
    if not path.exists():
        return {}
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    if not rows:
        return {}
    last = rows[-1]
    return {
        "calls": int(last.get("SuccessfulCall(C)") or 0),
        "failed": int(last.get("FailedCall(C)") or 0),
        "retransmissions": int(last.get("Retransmissions(C)") or 0),
    }


def run(args, folder):
    with open(folder / "screen.log", "wb") as screen:
        done = subprocess.run(
            command(args, folder), cwd=folder, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen, check=False
        )
    json.dump({"ok": done.returncode == 0} | counts(folder), sys.stdout)
    print()
    if done.returncode != 0:
        for name in ("errors.log", "messages.log"):
            if (folder / name).exists():
                sys.stderr.write((folder / name).read_text(errors="replace")[-8000:])
    return done.returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", choices=sorted(path.stem for path in SCENARIOS.glob("*.xml")))
    parser.add_argument("target", metavar="HOST:PORT")
    parser.add_argument("--to", default="+15550100")
    parser.add_argument("--from", dest="caller", default="+15550123")
    parser.add_argument("--tone", type=float, default=440.0, help="Hz")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--calls", type=int, default=1)
    parser.add_argument("--rate", type=int, default=1, help="new calls per second")
    parser.add_argument("--transport", choices=("udp", "tcp"), default="udp")
    parser.add_argument("--local", help="address of this machine to call from; default: loopback for a target there")
    parser.add_argument("--uri", help="what the INVITE asks for, when it is not sip:TO@HOST:PORT")
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("--login", default="", metavar="USER:PASSWORD", help="for the scenario login; sipp knows MD5 alone")
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
