"""Goal: TCP and UNIX sockets work in both directions, against leat and against foreign peers, and
a cut-off sender is never mistaken for the end. Method: real sockets on this host; the receiver
listens on a free port that it names, so that nothing has to be waited for blindly."""

import signal
import socket
import struct
import subprocess
import threading
import unittest

from program import (KIB, MIB, WATCHDOG_S, Case, Server, closed_port, has_ipv6, payload, read_all,
                     wait_until)

RESET = struct.pack("ii", 1, 0)  # SO_LINGER {1, 0}


class TcpTest(Case):
    def exchange(self, host):
        data = payload(5 * MIB + 1)
        source = self.file("source", data)
        sink = self.folder / "sink"
        receiver = self.listen(sink, host=host)
        sender = self.assert_ok(self.copy("--json", source, receiver.endpoint))
        self.assert_ok(receiver.finish())
        self.assert_content(sink, data)
        self.assertEqual(sender.receipt["delivered"], len(data))
        self.assertEqual(sender.receipt["acknowledged"], len(data))
        self.assertEqual(receiver.receipt["delivered"], len(data))
        self.assertEqual(receiver.receipt["ending"], "end_of_source")

    def test_ipv4(self):
        self.exchange("127.0.0.1")

    def test_ipv6(self):
        if not has_ipv6():
            self.skipTest("this host has no IPv6 loopback")
        self.exchange("[::1]")

    def test_by_name_and_on_every_address(self):
        try:
            socket.getaddrinfo("localhost", None)
        except OSError as error:
            self.skipTest(f"this host does not know localhost: {error}")
        for host in ("localhost", ""):
            receiver = self.listen("-", host=host)
            endpoint = receiver.endpoint.replace("tcp://:", "tcp://localhost:")
            self.assert_ok(self.copy(self.file("source", b"data"), endpoint))
            self.assertEqual(self.assert_ok(receiver.finish()).out, b"data")

    def test_listening_sender_and_connecting_receiver(self):
        data = payload(MIB + 1)
        sender = self.start("--json", self.file("source", data), "tcp-listen://127.0.0.1:0")
        sender.wait_for_listening()
        self.assert_ok(self.copy(sender.endpoint, self.folder / "sink"))
        self.assert_ok(sender.finish())
        self.assert_content(self.folder / "sink", data)
        self.assertEqual(sender.receipt["acknowledged"], len(data))

    def test_pipes_through_a_relay(self):
        data = payload(2 * MIB + 1)
        receiver = self.listen(self.folder / "sink")
        relay = self.listen(receiver.endpoint)
        self.assert_ok(self.copy("-", relay.endpoint, data=data))
        self.assertEqual(self.assert_ok(relay.finish()).receipt["acknowledged"], len(data))
        self.assert_ok(receiver.finish())
        self.assert_content(self.folder / "sink", data)

    def test_reset_passes_through_a_relay_in_both_directions(self):
        for cut_sender in (True, False):
            receiver = self.listen(self.folder / "sink")
            relay = self.listen(receiver.endpoint)
            sender = self.start("-", relay.endpoint, stdin=subprocess.PIPE)
            sender.fill_and_drain(payload(50 * KIB))
            victim = sender if cut_sender else receiver
            victim.process.kill()
            victim.process.wait()
            if not cut_sender:
                sender.finish(payload(8 * MIB))
                self.assertEqual(sender.status, 1, sender.err)
            relay.finish()
            self.assertEqual(relay.status, 1, relay.err)
            word = "sender" if cut_sender else "receiver"
            self.assertIn(word, relay.receipt["error"]["hint"])
            if cut_sender:
                self.assertEqual(receiver.finish().status, 1)
            self.assertFalse((self.folder / "sink").exists())

    def test_empty(self):
        receiver = self.listen(self.folder / "sink")
        self.assert_ok(self.copy("/dev/null", receiver.endpoint))
        self.assert_ok(receiver.finish())
        self.assert_content(self.folder / "sink", b"")

    def test_human_line_tells_what_is_acknowledged(self):
        receiver = self.listen("-")
        ended = self.assert_ok(self.copy(self.file("source", b"x" * KIB), receiver.endpoint))
        self.assertIn("1.00 KiB acknowledged", ended.err)
        receiver.finish()


class UnixTest(Case):
    def test_both_ways(self):
        data = payload(5 * MIB + 1)
        source = self.file("source", data)
        path = self.folder / "socket"
        for server, client in (((f"unix-listen://{path}", self.folder / "sink"),
                                (source, f"unix://{path}")),
                               ((source, f"unix-listen://{path}"),
                                (f"unix://{path}", self.folder / "sink"))):
            listening = self.start(*server)
            wait_until(path.exists, "the socket")
            # Between bind(2) and listen(2) a connection is refused.
            wait_until(lambda: self.copy(*client).status == 0, "the copy")
            self.assert_ok(listening.finish())
            self.assert_content(self.folder / "sink", data)
            self.assertFalse(path.exists(), "the socket's path stays behind")
            (self.folder / "sink").unlink()

    def test_foreign_peer(self):
        path = str(self.folder / "socket")
        server = Server(self, read_all, socket.AF_UNIX, path)
        ended = self.assert_ok(self.copy("--json", self.file("source", b"data"), f"unix://{path}"))
        self.assertEqual(server.join(), b"data")
        self.assertEqual(ended.receipt["acknowledged"], 4)

    def test_early_end_is_seen_with_a_length(self):
        path = str(self.folder / "socket")
        server = Server(self, lambda peer: peer.sendall(b"123"), socket.AF_UNIX, path)
        ended = self.copy("--length", 4, f"unix://{path}", self.folder / "sink")
        self.assert_fails(ended, "--length")
        self.assertFalse((self.folder / "sink").exists())
        server.join()

    def test_bad_paths(self):
        source = self.file("source", b"x")
        self.assert_fails(self.copy(source, f"unix://{self.folder}/none"), "start the other side")
        self.assert_fails(self.copy(source, f"unix://{source}"), "unix://")
        self.assert_fails(self.copy(source, f"unix-listen://{source}"), "the path exists")
        self.assert_content(source, b"x")
        stale = self.folder / "stale"
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(stale))
        self.assert_fails(self.copy(source, f"unix://{stale}"), "start the other side")
        self.assert_fails(self.copy(source, f"unix-listen://{stale}"), "remove it")


class CutOffTest(Case):
    """Whoever is cut off, the receiver keeps nothing and both sides say so."""

    def cut(self, how):
        sink = self.file("sink", b"old")
        receiver = self.listen(sink)
        sender = self.start("-", receiver.endpoint, stdin=subprocess.PIPE)
        sender.fill_and_drain(payload(50 * KIB))
        how(sender)
        receiver.finish()
        self.assertEqual(receiver.status, 1, receiver.err)
        self.assertEqual(receiver.receipt["ending"], "failed")
        self.assertEqual(receiver.receipt["error"]["code"], "ECONNRESET")
        self.assertIn("copy again", receiver.receipt["error"]["hint"])
        self.assert_content(sink, b"old")

    def test_sender_killed(self):
        self.cut(lambda sender: sender.process.kill())

    def test_sender_interrupted(self):
        def interrupt(sender):
            sender.process.send_signal(signal.SIGINT)
            # Its input stays open until it has died: an end of input is the end of the stream.
            sender.process.wait(WATCHDOG_S)
            sender.finish()
            self.assertEqual(sender.status, -signal.SIGINT)

        self.cut(interrupt)

    def test_sender_out_of_time(self):
        sink = self.folder / "sink"
        receiver = self.listen(sink)
        sender = self.copy("--timeout", "200ms", "--limit-rate", "64KiB", self.big_file(),
                           receiver.endpoint)
        self.assert_fails(sender, "--timeout")
        self.assertEqual(receiver.finish().receipt["error"]["code"], "ECONNRESET")
        self.assertFalse(sink.exists())

    def test_sender_whose_source_fails(self):
        receiver = self.listen(self.folder / "sink")
        sender = self.copy("--length", "2MiB", "-", receiver.endpoint, data=payload(MIB))
        self.assert_fails(sender, "--length")
        self.assertEqual(receiver.finish().status, 1)
        self.assertFalse((self.folder / "sink").exists())

    def test_killed_while_still_waiting_to_send_anything(self):
        receiver = self.listen(self.folder / "sink")
        sender = self.start("-", receiver.endpoint, stdin=subprocess.PIPE)
        sender.fill_and_drain(b"x")
        sender.process.kill()
        self.assertEqual(receiver.finish().status, 1)
        self.assertFalse((self.folder / "sink").exists())

    def test_receiver_killed(self):
        receiver = self.listen(self.folder / "sink")
        sender = self.start("-", receiver.endpoint, stdin=subprocess.PIPE)
        sender.fill_and_drain(payload(50 * KIB))
        receiver.process.kill()
        receiver.process.wait()
        sender.finish(payload(8 * MIB))
        self.assert_fails(sender, "receiver")
        self.assert_nothing_temporary()
        self.assertFalse((self.folder / "sink").exists())

    def test_receiver_that_cannot_keep_the_file_tells_the_sender(self):
        sink = self.folder / "sink"
        receiver = self.listen(sink)
        sender = self.start("-", receiver.endpoint, stdin=subprocess.PIPE)
        sender.fill_and_drain(payload(50 * KIB))
        sink.mkdir()  # now the rename must fail
        sender.finish()
        receiver.finish()
        self.assertEqual(receiver.status, 1, receiver.err)
        self.assertEqual(sender.status, 1, sender.err)
        self.assert_nothing_temporary()

    def test_receiver_with_a_shorter_length_tells_the_sender(self):
        receiver = self.listen(self.folder / "sink", "--length", "1MiB")
        sender = self.copy(self.big_file(size=16 * MIB), receiver.endpoint)
        self.assert_fails(sender, "receiver")
        self.assert_ok(receiver.finish())
        self.assertEqual((self.folder / "sink").stat().st_size, MIB)


class ForeignPeerTest(Case):
    def test_end_of_a_foreign_sender_is_the_end(self):
        # It cannot be told from a sender that broke off; --length can.
        server = Server(self, lambda peer: peer.sendall(b"123"))
        self.assert_ok(self.copy(server.endpoint, self.folder / "sink"))
        self.assert_content(self.folder / "sink", b"123")
        server.join()

    def test_length_sees_an_early_end(self):
        server = Server(self, lambda peer: peer.sendall(b"123"))
        ended = self.copy("--json", "--length", 4, server.endpoint, self.folder / "sink")
        self.assertEqual((ended.status, ended.receipt["ending"]), (1, "source_shrank"))
        self.assertFalse((self.folder / "sink").exists())
        server.join()

    def test_length_is_enough_while_the_sender_goes_on(self):
        def serve(peer):
            peer.sendall(b"12345")
            return peer.recv(1)

        server = Server(self, serve)
        ended = self.assert_ok(self.copy("--json", "--length", 5, server.endpoint,
                                         self.folder / "sink"))
        self.assertEqual(ended.receipt["ending"], "complete")
        self.assert_content(self.folder / "sink", b"12345")
        server.join()

    def test_reset_of_a_foreign_sender(self):
        def serve(peer):
            peer.sendall(b"123")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

        server = Server(self, serve)
        ended = self.copy(server.endpoint, self.folder / "sink")
        self.assert_fails(ended, "reset by peer", "copy again")
        self.assertFalse((self.folder / "sink").exists())

    def test_receiver_that_closes_unread(self):
        server = Server(self, lambda peer: peer.recv(1))
        self.assert_fails(self.copy(self.big_file(), server.endpoint), "receiver")

    def test_small_data_unread_is_noticed_too(self):
        def serve(peer):
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            peer.recv(1)

        server = Server(self, serve)
        self.assert_fails(self.copy(self.file("source", b"x" * 1000), server.endpoint), "receiver")

    def test_receiver_that_closes_in_order_acknowledges(self):
        server = Server(self, read_all)
        ended = self.copy("--json", self.file("source", b"data"), server.endpoint)
        self.assertEqual(self.assert_ok(ended).receipt["acknowledged"], 4)
        self.assertEqual(server.join(), b"data")

    def test_receiver_that_talks_back_is_heard_and_ignored(self):
        def serve(peer):
            peer.sendall(payload(MIB))
            return read_all(peer)

        server = Server(self, serve)
        self.assert_ok(self.copy(self.file("source", b"data"), server.endpoint))
        self.assertEqual(server.join(), b"data")

    def test_receiver_that_never_closes_is_a_warning(self):
        done = threading.Event()
        self.addCleanup(done.set)

        def serve(peer):
            data = read_all(peer)
            done.wait(60)
            return data

        source = self.file("source", b"data")
        server = Server(self, serve)
        ended = self.assert_ok(self.copy("--close-timeout", "100ms", source, server.endpoint))
        self.assertIn("warning", ended.err)
        self.assertNotIn("acknowledged", ended.err)
        done.set()
        self.assertEqual(server.join(), b"data")

    def test_acknowledged_is_null_where_it_is_not_known(self):
        done = threading.Event()
        self.addCleanup(done.set)
        server = Server(self, lambda peer: done.wait(60))
        ended = self.copy("--json", "--close-timeout", "100ms", self.file("source", b"data"),
                          server.endpoint)
        self.assertIsNone(self.assert_ok(ended).receipt["acknowledged"])
        done.set()


class BadNetworkTest(Case):
    def test_port_closed(self):
        port = closed_port()
        source = self.file("source", b"x")
        words = ("Connection refused", "start the other side", str(port))
        self.assert_fails(self.copy(source, f"tcp://127.0.0.1:{port}"), *words)
        self.assert_fails(self.copy(f"tcp://127.0.0.1:{port}", self.folder / "sink"), *words)
        self.assertFalse((self.folder / "sink").exists())

    def test_host_unknown(self):
        ended = self.copy(self.file("source", b"x"), "tcp://no-such-host.invalid:9000")
        self.assert_fails(ended, "no-such-host.invalid", "check the name")

    def test_port_taken(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen(1)
            port = taken.getsockname()[1]
            ended = self.copy(self.file("source", b"x"), f"tcp-listen://127.0.0.1:{port}")
            self.assert_fails(ended, "another program has this port")

    def test_address_of_another_host(self):
        ended = self.copy(self.file("source", b"x"), "tcp-listen://192.0.2.1:9000")
        self.assert_fails(ended, "no such address")

    def test_timeout_while_nobody_comes(self):
        ended = self.copy("--timeout", "100ms", "--quiet", "tcp-listen://127.0.0.1:0",
                          self.folder / "sink")
        self.assert_fails(ended, "--timeout")
        self.assertFalse((self.folder / "sink").exists())

    def test_bad_file_is_told_before_a_peer_is_waited_for(self):
        self.assert_fails(self.copy("tcp-listen://127.0.0.1:0", self.folder / "no" / "sink"),
                          "make its folder")
        self.assert_fails(self.copy(self.folder / "missing", "tcp-listen://127.0.0.1:0"),
                          "check the name")


if __name__ == "__main__":
    unittest.main()
