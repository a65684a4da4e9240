"""Programs that send a file over TCP to the standard receiver."""

import contextlib
import pathlib
import socket
import subprocess
import sys
import time

from measure import TIMEOUT_S, PeerFailed, Sample, process_cpu, run

RECEIVER = str(pathlib.Path(__file__).with_name("receiver.py"))
PYTHON_SENDFILE = """
import socket, sys
to = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
with open(sys.argv[1], "rb") as file, to:
    to.sendfile(file)
"""
NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off; sendfile {sendfile}; aio {aio}; tcp_nopush on; sendfile_max_chunk 2m;
  open_file_cache max=16; client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


def check_count(receiver, size, who):
    said = receiver.communicate(timeout=TIMEOUT_S)[0].split()
    if not said or int(said[-1]) < size:
        got = said[-1] if said else "nothing"
        raise PeerFailed(f"{who}: the receiver got {got} of {size} bytes")
    return said


class Sender:
    """A command that connects, sends the file and ends; `{port}` and `{file}` stand in it."""

    def __init__(self, name, command, shell=False):
        self.name = name
        self.command = command
        self.shell = shell

    def measure(self, work):
        receiver = subprocess.Popen([sys.executable, RECEIVER, "discard"], stdout=subprocess.PIPE,
                                    text=True)
        port = receiver.stdout.readline().strip()
        words = [word.format(port=port, file=work.file) for word in self.command]
        try:
            # The receiver is waited for afterwards: its CPU time is not the sender's.
            sample = run(["sh", "-c", words[0]] if self.shell else words)
        except PeerFailed:
            receiver.kill()
            receiver.communicate()
            raise
        check_count(receiver, work.size, self.name)
        return sample


class Nginx:
    """A server that runs all the time; its CPU time is what it used during the request."""

    def __init__(self, name, work, stack, sendfile="on", aio="off"):
        self.name = name
        folder = work.folder / name.replace(" ", "-").replace(",", "")
        folder.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        configuration = folder / "nginx.conf"
        configuration.write_text(NGINX.format(folder=folder, port=self.port, root=work.file.parent,
                                              sendfile=sendfile, aio=aio))
        server = subprocess.Popen(["nginx", "-p", folder, "-c", configuration],
                                  stderr=subprocess.DEVNULL)
        stack.callback(self.stop, server)
        self.pids = self.wait_until_up(server)

    def wait_until_up(self, server):
        """The master and its worker. The master listens before there is a worker."""
        children = pathlib.Path(f"/proc/{server.pid}/task/{server.pid}/children")
        until = time.monotonic() + 10
        while time.monotonic() < until and server.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                if workers := children.read_text().split():
                    return [server.pid, *map(int, workers)]
            time.sleep(0.02)
        raise PeerFailed("nginx did not come up")

    @staticmethod
    def stop(server):
        server.terminate()
        server.wait(10)

    def measure(self, work):
        cpu = process_cpu(self.pids)
        client = subprocess.Popen([sys.executable, RECEIVER, "get", str(self.port),
                                   "/" + work.file.name], stdout=subprocess.PIPE, text=True)
        # The client's own start is no time of the server's.
        seconds = float(check_count(client, work.size, self.name)[0])
        return Sample(seconds, process_cpu(self.pids) - cpu)


def same_work(leat, work, stack):
    return [
        Sender("leat copy", [leat, "copy", "--quiet", "{file}", "tcp://127.0.0.1:{port}"]),
        Sender("leat copy (2)", [leat, "copy", "--quiet", "{file}", "tcp://127.0.0.1:{port}"]),
        Sender("socat", ["socat", "-u", "-b", "262144", "FILE:{file}", "TCP:127.0.0.1:{port}"]),
        Sender("cat | nc", ["cat {file} | nc -N 127.0.0.1 {port}"], shell=True),
        Sender("python3 sendfile", [sys.executable, "-c", PYTHON_SENDFILE, "{file}", "{port}"]),
        Nginx("nginx sendfile", work, stack),
        Nginx("nginx aio", work, stack, sendfile="off", aio="threads"),
        Nginx("nginx, no sendfile", work, stack, sendfile="off"),
    ]
