"""A server for tests of ports: gives back what it gets, after the client has ended its side. Arguments: an address and a
port. Makes the file "listening" when it does."""
import socket
import sys
import threading


def serve(connection):
    data = b""
    while piece := connection.recv(65536):
        data += piece
    connection.sendall(b"got " + data)
    connection.close()


family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
listener = socket.socket(family, socket.SOCK_STREAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((sys.argv[1], int(sys.argv[2])))
listener.listen(128)
open("listening", "w").close()
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
