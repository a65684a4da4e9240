"""For orientation: programs that do more, or other, work than leat copy does."""

import dataclasses
import socket
import subprocess
import time

from files import Copier
from measure import TIMEOUT_S, PeerFailed, run
from tcp import Sender


class Iperf:
    """Its server reads into memory, and it sends for as long as the file lasts."""

    def __init__(self, name, stack, *options):
        self.name = name
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = str(probe.getsockname()[1])
        server = subprocess.Popen(["iperf3", "-s", "-B", "127.0.0.1", "-p", self.port],
                                  stdout=subprocess.DEVNULL)
        stack.callback(server.wait, 10)
        stack.callback(server.terminate)
        self.options = options
        self.wait_until_up()

    def wait_until_up(self):
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with open("/proc/net/tcp") as table:
                if f":{int(self.port):04X} 00000000:0000 0A" in table.read():
                    return
            time.sleep(0.02)
        raise PeerFailed("iperf3 did not come up")

    def measure(self, work):
        options = [word.format(file=work.file, size=work.size) for word in self.options]
        return run(["timeout", str(TIMEOUT_S), "iperf3", "-c", "127.0.0.1", "-p", self.port,
                    *options])


class Starting(Sender):
    """With a file of no bytes: what a process costs that a running server does not."""

    def measure(self, work):
        empty = work.folder / "empty"
        empty.touch()
        return super().measure(dataclasses.replace(work, file=empty, size=0))


class Replacing(Copier):
    """Over a file that is there: its old bytes have to go as well."""

    def measure(self, work):
        to = work.folder / "copy"
        to.write_bytes(b"x" * (64 << 20))
        return super().measure(work)


def over_tcp(leat, stack):
    return [
        (Sender("leat copy to TCP", [leat, "copy", "--quiet", "{file}", "tcp://127.0.0.1:{port}"]),
         "the standard receiver"),
        (Starting("leat copy, no bytes", [leat, "copy", "--quiet", "{file}",
                                          "tcp://127.0.0.1:{port}"]),
         "to start, connect, close and end: in leat copy's figures, and not in nginx's"),
        (Iperf("iperf3 -F", stack, "-n", "{size}", "-F", "{file}"),
         "its own receiver, which reads into memory"),
        (Iperf("iperf3 -Z", stack, "-n", "{size}", "-Z", "-F", "{file}"),
         "sendfile; its own receiver"),
    ]


def to_files(leat):
    return [
        (Copier("leat copy to a file", [leat, "copy", "--quiet", "{file}", "{to}"]), "a new name"),
        (Copier("rsync", ["rsync", "--whole-file", "--inplace", "{file}", "{to}"]),
         "checksums what it moves"),
        (Copier("pv", ["sh", "-c", "pv -q {file} > {to}"]), "no rename"),
        (Replacing("leat copy, replacing", [leat, "copy", "--quiet", "{file}", "{to}"]),
         "the old file of 64 MiB is freed"),
        (Replacing("cp, replacing", ["cp", "--reflink=never", "{file}", "{to}"]),
         "truncates the old file of 64 MiB first"),
    ]
