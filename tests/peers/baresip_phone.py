"""A telephone nobody here wrote: baresip, unattended. It plays a WAV file and records what it hears.

    baresip_phone.py FOLDER --play SAID.wav --seconds 10 --call sip:+15550100@127.0.0.1:5060 [--user +15550123] [--mediaenc srtp-mand]
    baresip_phone.py FOLDER --play SAID.wav --seconds 10                    (waits and answers at once)
    ... [--rtcp-mux]

FOLDER gets the configuration, baresip's own log and `heard.wav` (from the answer on: 8 kHz mono, with --codec G722 16 kHz mono, with
--codec opus 48 kHz stereo). What it plays has 8 kHz, or 16 kHz with G722 and opus. The phone hangs up
when SAID.wav ends, or --seconds after its start. Prints one JSON line, {"established": true, "heard":
"FOLDER/heard.wav", "rtcp":
{"packets": [600.0, 600.0], "lost": [0.0, 3.0], "jitter": [1.0, 1.0], ...} or null: what it prints of it, sent before received}; the exit status is 0 only when a call was established and recorded.

Limits: the SDP names the machine's own address even when SIP runs over loopback, so RTP comes from another address
than the SDP says, as it does behind a NAT.
"""

import argparse
import json
import random
import re
import socket
import subprocess
import sys
from pathlib import Path

CONFIG = """\
sip_listen              {host}:{sip_port}
{ca_line}
call_local_timeout      120
call_max_calls          4
audio_source            aufile,{play}
audio_alert             aufile,{play}
ausrc_srate             {rate}
auplay_srate            {rate}
ausrc_channels          1
auplay_channels         1
audio_buffer            20-160
rtp_tos                 184
rtp_ports               {rtp_first}-{rtp_last}
rtcp_mux                {rtcp_mux}
jitter_buffer_delay     3-10
rtp_stats               yes
snd_path                {folder}
module_path             {modules}
module                  {codec_module}.so
module                  aufile.so
module                  sndfile.so
module                  srtp.so
module_app              account.so
module_app              menu.so
"""

ACCOUNT = (
    "<sip:{user}@{host}:{sip_port};transport={transport}>"
    ";regint=0;answermode=auto;audio_codecs={codec_name};ptime=20{encryption}\n"
)


# What baresip calls each codec, the module that has it, and the rate of what is played.
CODECS = {
    "PCMU": ("PCMU/8000/1", "g711", 8000),
    "PCMA": ("PCMA/8000/1", "g711", 8000),
    "G722": ("G722/16000/1", "g722", 16000),
    "opus": ("opus/48000/2", "opus", 16000),
}


def module_folder():
    for folder in ("/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules"):
        if Path(folder, "g711.so").exists():
            return folder
    raise SystemExit("baresip's modules are not installed (package baresip-core)")


def free_port(host):
    """Free for UDP and TCP, and the next one for TLS, below the ports that the system gives away by itself, which may be gone a moment later."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(200):
        port = random.randrange(24000, 29000)
        try:
            for kind, offset in ((socket.SOCK_STREAM, 0), (socket.SOCK_DGRAM, 0), (socket.SOCK_STREAM, 1)):
                with socket.socket(family, kind) as probe:
                    probe.bind((host, port + offset))
        except OSError:
            continue
        return port
    raise OSError(f"no free port on {host}")


def write_config(folder, args):
    rtp_first = args.rtp_port or 30000 + 2 * (args.sip_port % 1000)
    codec_name, codec_module, rate = CODECS[args.codec]
    fields = vars(args) | {
        "codec_name": codec_name,
        "codec_module": codec_module,
        "rate": rate,
        "folder": folder,
        "play": Path(args.play).resolve(),
        "modules": module_folder(),
        "encryption": f";mediaenc={args.mediaenc}" if args.mediaenc else "",
        "rtp_first": rtp_first,
        "rtp_last": rtp_first + 20,
        "rtcp_mux": "yes" if args.rtcp_mux else "no",
        "ca_line": f"sip_cafile              {Path(args.ca).resolve()}" if args.ca else "",
    }
    (folder / "config").write_text(CONFIG.format(**fields))
    (folder / "accounts").write_text(ACCOUNT.format(**fields))
    (folder / "contacts").write_text("")


def run(folder, args):
    command = ["baresip", "-f", str(folder), "-t", str(args.seconds)]
    if args.call:
        command += ["-e", f"d {args.call}"]
    with open(folder / "baresip.log", "wb") as log:
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            timeout=args.seconds + 30,
            check=False,
        )
    return (folder / "baresip.log").read_text(errors="replace")


def rtcp_stats(log):
    """The table that baresip prints at the end of a call: transmitted before received."""
    stats = {}
    for name in ("packets", "pkt.report", "lost", "jitter"):
        row = re.search(rf"^{re.escape(name)}: +(-?[0-9.]+) +(-?[0-9.]+)", log, re.MULTILINE)
        if not row:
            return None
        stats[name] = [float(value) for value in row.groups()]
    return stats


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--play", required=True, help="mono 16-bit WAV, 8 kHz or for a wide codec 16 kHz")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--call", help="SIP URI to call")
    parser.add_argument("--user", default="+15550123")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--sip-port", type=int, default=0, help="default: a free one")
    parser.add_argument("--rtp-port", type=int, default=0, help="first of 20")
    parser.add_argument("--transport", choices=("udp", "tcp", "tls"), default="udp")
    parser.add_argument("--ca", help="PEM file with the authority that the far end's certificate must come from")
    parser.add_argument("--codec", choices=tuple(CODECS), default="PCMU")
    parser.add_argument("--rtcp-mux", action="store_true", help="RTCP on RTP's port, where the far end does so, too")
    parser.add_argument("--mediaenc", choices=("srtp", "srtp-mand"), help="RTP/AVP with a key, or RTP/SAVP")
    args = parser.parse_args()

    folder = Path(args.folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    args.sip_port = args.sip_port or free_port(args.host)
    for old in folder.glob("dump-*.wav"):
        old.unlink()
    write_config(folder, args)
    log = run(folder, args)

    recordings = sorted(folder.glob("dump-*-dec.wav"), key=lambda path: path.stat().st_size)
    if recordings:
        recordings[-1].replace(folder / "heard.wav")
    result = {
        "established": "Call established" in log,
        "heard": str(folder / "heard.wav") if recordings else None,
        "rtcp": rtcp_stats(log),
    }
    json.dump(result, sys.stdout)
    print()
    return 0 if result["established"] and recordings else 1


if __name__ == "__main__":
    sys.exit(main())
