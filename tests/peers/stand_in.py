"""A stand-in for the switch, so that the phones in this folder can be tried without it (tests/peers/self-test).

    stand_in.py [--answer-after S] [--give-up-after S]

One UDP socket, one answer per request, written from RFC 3261 and 3264 and from nothing else of ours. Prints
`port N` at start, and one JSON line per ended call: {"end": "bye", "rtp_packets": 150, "tone_dbfs": {"440": -12.0}}.
Ends with its standard input. Limits: UDP over loopback, no route sets, no timers but the one for a missing ACK.
"""

import argparse
import json
import re
import select
import socket
import sys
import time

import audio

MIRRORED = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive", "sendrecv": "sendrecv"}
LISTENED_FOR_HZ = (440, 700)
MU_LAW = [0.0] * 256
for step in range(-8192, 8192):
    MU_LAW[audio.mu_law(step / 8192)] = step / 8192


class Call:
    def __init__(self, ok, peer, now):
        self.ok, self.peer = ok, peer
        self.acked = False
        self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.rtp.bind(("127.0.0.1", 0))
        self.payload = bytearray()
        self.packets = 0
        self.answered_at = self.repeat_at = now
        self.interval = 0.5

    def hear(self):
        packet = self.rtp.recv(2048)
        self.packets += 1
        self.payload += packet[12:]

    def report(self, end):
        samples = [MU_LAW[octet] for octet in self.payload]
        tones = {str(hz): round(audio.tone_dbfs(samples, 8000, hz), 1) for hz in LISTENED_FOR_HZ}
        print(json.dumps({"end": end, "rtp_packets": self.packets, "tone_dbfs": tones}), flush=True)
        self.rtp.close()


class StandIn:
    def __init__(self, answer_after, give_up_after):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.answer_after, self.give_up_after = answer_after, give_up_after
        self.calls = {}
        self.ringing = {}
        print(f"port {self.socket.getsockname()[1]}", flush=True)

    def run(self):
        while True:
            sockets = [self.socket, sys.stdin] + [call.rtp for call in self.calls.values()]
            ready, _, _ = select.select(sockets, [], [], 0.02)
            if sys.stdin in ready and not sys.stdin.readline():
                return
            if self.socket in ready:
                message, peer = self.socket.recvfrom(65535)
                self.handle(message.decode("utf-8", "replace"), peer, time.monotonic())
            for call in list(self.calls.values()):
                if call.rtp in ready:
                    call.hear()
            self.handle_time(time.monotonic())

    def handle(self, message, peer, now):
        method = message.split(" ", 1)[0]
        call_id = header(message, "Call-ID")
        call = self.calls.get(call_id)
        if method == "INVITE" and call:
            self.send(self.ok(message, call.rtp), peer)
        elif method == "INVITE" and call_id not in self.ringing:
            self.send(response(message, "100 Trying"), peer)
            self.ringing[call_id] = (message, peer, now + self.answer_after)
        elif method == "CANCEL":
            self.send(response(message, "200 OK"), peer)
            if call_id in self.ringing:
                invite, peer, _ = self.ringing.pop(call_id)
                self.send(response(invite, "487 Request Terminated"), peer)
        elif method == "ACK" and call:
            call.acked = True
        elif method == "BYE":
            self.send(response(message, "200 OK" if call else "481 Call/Transaction Does Not Exist"), peer)
            if call:
                self.calls.pop(call_id).report("bye")

    def handle_time(self, now):
        for call_id, (invite, peer, due) in list(self.ringing.items()):
            if now >= due:
                del self.ringing[call_id]
                call = self.calls[call_id] = Call("", peer, now)
                call.ok = self.ok(invite, call.rtp)
        for call_id, call in list(self.calls.items()):
            if not call.acked and now - call.answered_at > self.give_up_after:
                self.send(self.bye(call), call.peer)
                self.calls.pop(call_id).report("no ack")
            elif not call.acked and now >= call.repeat_at:
                self.send(call.ok, call.peer)
                call.repeat_at, call.interval = now + call.interval, min(4.0, 2 * call.interval)

    def ok(self, invite, rtp):
        asked = re.search(r"^a=(sendrecv|sendonly|recvonly|inactive)", invite, re.M)
        body = "\r\n".join([
            "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0",
            f"m=audio {rtp.getsockname()[1]} RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=ptime:20",
            f"a={MIRRORED[asked.group(1) if asked else 'sendrecv']}", "",
        ])  # fmt: skip
        return response(invite, "200 OK", self.contact() + ["Content-Type: application/sdp"], body)

    def bye(self, call):
        lines = call.ok.split("\r\n")
        target = re.search(r"<(sip:[^>]*)>", header(call.ok, "From"))
        return "\r\n".join([
            f"BYE {target.group(1)} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.contact()[0][14:-1]};branch=z9hG4bKbye;rport",
            *("From:" + line[3:] for line in lines if line.startswith("To:")),
            *("To:" + line[5:] for line in lines if line.startswith("From:")),
            f"Call-ID: {header(call.ok, 'Call-ID')}",
            "CSeq: 1 BYE", "Max-Forwards: 70", "Content-Length: 0", "", "",
        ])  # fmt: skip

    def contact(self):
        host, port = self.socket.getsockname()
        return [f"Contact: <sip:{host}:{port}>"]

    def send(self, message, peer):
        self.socket.sendto(message.encode(), peer)


def header(message, name):
    found = re.search(rf"^{name}: *(.*?)\r?$", message, re.M)
    return found.group(1) if found else ""


def response(request, status, extra=(), body=""):
    copied = [line for line in request.split("\r\n\r\n")[0].split("\r\n")
              if re.match(r"(Via|From|Call-ID|CSeq):", line)]  # fmt: skip
    to = header(request, "To")
    if ";tag=" not in to and not status.startswith("100"):
        to += ";tag=stand-in"
    lines = [f"SIP/2.0 {status}", *copied, f"To: {to}", *extra, f"Content-Length: {len(body)}"]
    return "\r\n".join(lines) + "\r\n\r\n" + body


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answer-after", type=float, default=0.0, help="seconds of ringing")
    parser.add_argument("--give-up-after", type=float, default=32.0, help="seconds without an ACK")
    args = parser.parse_args()
    StandIn(args.answer_after, args.give_up_after).run()


if __name__ == "__main__":
    main()
