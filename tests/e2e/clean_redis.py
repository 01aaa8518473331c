# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# clean_redis.py: a relay in front of a Redis server that closes the connection at an
# EXEC:
#
#     clean_redis.py PORT before|after NTH
#
# PORT is that of the server.  At the NTH EXEC the connection of the client is closed:
# `before` the server receives it, or `after` the server has answered; the answer is lost.
# Prints its own port, and runs until it is killed.
import socket
import sys
import threading

EXEC = b"*1\r\n$4\r\nEXEC\r\n"
seen = 0


def copy(source, sink, cut):
    """Passes bytes on, and ends after those for which cut() is true."""
    try:
        while data := source.recv(65536):
            if cut(data, sink):
                break
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client, port, when, nth):
    server = socket.create_connection(("127.0.0.1", port))
    lose_answer = threading.Event()

    def request(data, sink):
        global seen
        # the control connection sends one command at a time, so EXEC arrives alone
        if data != EXEC:
            return False
        seen += 1
        if seen != nth:
            return False
        if when == "after":
            lose_answer.set()
            sink.sendall(data)
        return when == "before" or lose_answer.wait(0) and gone.wait(30)

    gone = threading.Event()

    def answer(_data, _sink):
        if not lose_answer.is_set():
            return False
        gone.set()
        return True

    threading.Thread(target=copy, args=(client, server, request), daemon=True).start()
    copy(server, client, answer)


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(
            target=serve,
            args=(client, int(sys.argv[1]), sys.argv[2], int(sys.argv[3])),
            daemon=True,
        ).start()


main()
