"""Attacks a SIP port as scanners do, with sipvicious: looks for the server, for its extensions, for a password.

    scan.py svmap|svwar|svwar-invite|svcrack HOST:PORT [--seconds 20]

Prints one JSON line: {"found": false, "said": [...]}: whether the scanner found anything, and its own words. The exit
status is 0 when the scanner ran, whatever it found.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

NOTHING = "found nothing"


def command(scanner, host, port):
    target = f"udp://{host}:{port}"
    name, *arguments = {
        "svmap": ("svmap", "-p", port, host),
        "svwar": ("svwar", "-e", "100-130", target),
        "svwar-invite": ("svwar", "-m", "INVITE", "-e", "100-130", target),
        "svcrack": ("svcrack", "-u", "studio", "-r", "1000-1030", target),
    }[scanner]
    return [str(Path(sys.executable).parent / f"sipvicious_{name}"), *arguments]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scanner", choices=("svmap", "svwar", "svwar-invite", "svcrack"))
    parser.add_argument("target", metavar="HOST:PORT")
    parser.add_argument("--seconds", type=float, default=20.0, help="a scanner that hears nothing waits for ever")
    args = parser.parse_args()
    host, port = args.target.rsplit(":", 1)
    with tempfile.TemporaryDirectory(prefix="scan-") as home:
        try:
            done = subprocess.run(
                command(args.scanner, host, port),
                env={"HOME": home, "PATH": "/usr/bin:/bin"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=args.seconds,
                check=False,
            )
            said = (done.stdout + done.stderr).splitlines()
        except subprocess.TimeoutExpired as late:
            said = [part.decode(errors="replace") for part in (late.stdout, late.stderr) if part]
    # A table is what a scanner shows when it has found something.
    json.dump({"found": any("|" in line or "+--" in line for line in said), "said": said}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
