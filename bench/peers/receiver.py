"""The standard receiver: a process of its own that discards with recv(MSG_TRUNC), 1 MiB a call.

receiver.py discard         prints its port, accepts one connection, discards, prints the count
receiver.py get PORT PATH   asks an HTTP server for PATH, discards the answer, prints the seconds
                            from the request to the end and the count
"""

import socket
import sys
import time

BLOCK = 1 << 20


def discard(connection):
    room = bytearray(BLOCK)
    total = 0
    while count := connection.recv_into(room, BLOCK, socket.MSG_TRUNC):
        total += count
    return total


def main():
    if sys.argv[1] == "discard":
        with socket.create_server(("127.0.0.1", 0)) as listener:
            print(listener.getsockname()[1], flush=True)
            connection = listener.accept()[0]
    else:
        began = time.monotonic()
        connection = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
        connection.sendall(f"GET {sys.argv[3]} HTTP/1.0\r\n\r\n".encode())
    with connection:
        count = discard(connection)
    if sys.argv[1] == "get":
        print(time.monotonic() - began)
    print(count)


if __name__ == "__main__":
    main()
