"""A name server on loopback, UDP and TCP, whose answers a test writes; real packets, so nothing of ours is replaced."""

import socketserver
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

SILENT, BROKEN = "SILENT", "SERVFAIL"
"""Instead of records: nobody answers; the server fails."""
UDP_BYTES = 1232


class Zone:
    """What the server knows: `{"name": {"TXT": ["…"]}}`; a name that is not there does not exist."""

    def __init__(self, records: dict[str, Any]) -> None:
        self.records = {name.lower(): value for name, value in records.items()}
        self.asked: Counter[str] = Counter()
        self.over_tcp: Counter[str] = Counter()

    def answer(self, packet: bytes, *, tcp: bool) -> bytes | None:
        """The answer to one packet; None says nothing."""
        query = dns.message.from_wire(packet)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked[f"{kind} {name}"] += 1
        self.over_tcp[name] += tcp
        known = self.records.get(name)
        if known == SILENT:
            return None
        answer = dns.message.make_response(query, recursion_available=True)
        if known == BROKEN:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif known is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        else:
            for owner, found, values in self._follow(name, kind):
                answer.answer.append(dns.rrset.from_text_list(f"{owner}.", 0, "IN", found, values))
        wire = answer.to_wire(max_size=65_535)
        if not tcp and len(wire) > UDP_BYTES:
            short = dns.message.make_response(query, recursion_available=True)
            short.flags |= dns.flags.TC
            wire = short.to_wire()
        return wire

    def _follow(self, name: str, kind: str) -> Iterator[tuple[str, str, list[str]]]:
        """The records of a name, through its CNAMEs."""
        while known := self.records.get(name):
            alias = known.get("CNAME")
            if alias is None:
                if values := known.get(kind):
                    yield name, kind, [_quoted(value) if kind == "TXT" else value for value in values]
                return
            yield name, "CNAME", [f"{alias}."]
            name = alias


def _quoted(text: str) -> str:
    """A text as the strings of up to 255 bytes that a TXT record is made of."""
    escaped = [text[at : at + 255].replace("\\", "\\\\").replace('"', '\\"') for at in range(0, len(text), 255)]
    return " ".join(f'"{piece}"' for piece in escaped or [""])


@contextmanager
def name_server(records: dict[str, Any]) -> Iterator[tuple[str, Zone]]:
    """Where the server listens, `127.0.0.1:PORT`, and what it knows; a test may change that meanwhile."""
    zone = Zone(records)

    class Udp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            packet, socket = self.request
            if wire := zone.answer(packet, tcp=False):
                socket.sendto(wire, self.client_address)

    class Tcp(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            size = int.from_bytes(self.rfile.read(2), "big")
            if wire := zone.answer(self.rfile.read(size), tcp=True):
                self.wfile.write(len(wire).to_bytes(2, "big") + wire)

    with _both(Udp, Tcp) as (udp, tcp):
        threads = [threading.Thread(target=server.serve_forever, args=(0.05,)) for server in (udp, tcp)]
        for thread in threads:
            thread.start()
        try:
            yield "{}:{}".format(*udp.server_address[:2]), zone
        finally:
            for server in (udp, tcp):
                server.shutdown()
            for thread in threads:
                thread.join()


@contextmanager
def _both(udp_handler: Any, tcp_handler: Any) -> Iterator[tuple[socketserver.UDPServer, socketserver.TCPServer]]:
    """UDP and TCP on one port that is free for both."""
    for _ in range(50):
        udp = socketserver.ThreadingUDPServer(("127.0.0.1", 0), udp_handler)
        try:
            tcp = socketserver.ThreadingTCPServer(udp.server_address, tcp_handler)
        except OSError:
            udp.server_close()
            continue
        with udp, tcp:
            yield udp, tcp
        return
    raise AssertionError("no port is free for both UDP and TCP")
