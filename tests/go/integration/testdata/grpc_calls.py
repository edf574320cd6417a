"""gRPC calls of all four kinds with the real library.

  grpc_calls.py serve KEY CERT   a server with TLS; prints its port, ends with its standard input
  grpc_calls.py call TARGET      makes calls through the proxy of the environment; prints a line for each
  grpc_calls.py one TARGET WORD  makes one unary call with WORD as its message and in its metadata; prints how it ends
"""
import sys
import threading
import time
from concurrent import futures

import grpc

SERVICE = "bottle.test.Calls"


def unary(request, context):
    metadata = dict(context.invocation_metadata())
    context.send_initial_metadata((("x-first", metadata.get("x-note", "none")),))
    context.set_trailing_metadata((("x-last", "end"), ("x-bytes-bin", b"\x00\x01\xff")))
    return request + b"/" + str(round(context.time_remaining() or 0)).encode()


def server_stream(request, context):
    for number in range(3):
        yield request + str(number).encode()


def client_stream(requests, context):
    return b"+".join(requests)


def bidi(requests, context):
    for request in requests:
        yield request + b"!"


def fails(request, context):
    context.abort(grpc.StatusCode.NOT_FOUND, "there is no %s at 100%% \u00fc" % request.decode())


begun, cancelled = threading.Semaphore(0), threading.Semaphore(0)


def waits(request, context):
    if request == b"begun?":
        return b"yes" if begun.acquire(timeout=10) else b"no"
    if request == b"cancelled?":
        return b"yes" if cancelled.acquire(timeout=10) else b"no"
    context.add_callback(cancelled.release)
    begun.release()
    while context.is_active():
        time.sleep(0.01)
    return b"late"


def serve(key, cert):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "ServerStream": grpc.unary_stream_rpc_method_handler(server_stream),
        "ClientStream": grpc.stream_unary_rpc_method_handler(client_stream),
        "Bidi": grpc.stream_stream_rpc_method_handler(bidi),
        "Fails": grpc.unary_unary_rpc_method_handler(fails),
        "Waits": grpc.unary_unary_rpc_method_handler(waits),
    }),))
    with open(key, "rb") as k, open(cert, "rb") as c:
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(k.read(), c.read())]))
    server.start()
    print(port, flush=True)
    sys.stdin.read()
    server.stop(0)


class Turns:
    """A stream of requests of which each waits for the answer to the one before."""

    def __init__(self, words):
        self.words = list(words)
        self.next = threading.Semaphore(1)

    def __iter__(self):
        return self

    def __next__(self):
        if not self.words:
            raise StopIteration
        self.next.acquire()
        return self.words.pop(0)


def how(call):
    try:
        return str(call())
    except grpc.RpcError as error:
        return "%s %s" % (error.code().name, error.details())


def of(channel, kind, name):
    return getattr(channel, kind)("/%s/%s" % (SERVICE, name))


def call(target):
    with grpc.secure_channel(target, grpc.ssl_channel_credentials()) as channel:
        reply, done = of(channel, "unary_unary", "Unary").with_call(b"one", metadata=(("x-note", "hi"),), timeout=20)
        print("unary", reply.decode(), dict(done.initial_metadata()).get("x-first"), dict(done.trailing_metadata()).get("x-last"),
              dict(done.trailing_metadata()).get("x-bytes-bin"))
        print("server stream", [r.decode() for r in of(channel, "unary_stream", "ServerStream")(b"s", timeout=20)])
        print("client stream", of(channel, "stream_unary", "ClientStream")(iter([b"a", b"b", b"c" * 200000]), timeout=20).decode()[:6])
        turns, replies = Turns([b"x", b"y", b"z"]), []
        for reply in of(channel, "stream_stream", "Bidi")(turns, timeout=20):
            replies.append(reply.decode())
            turns.next.release()
        print("bidi", replies)
        print("large", len(of(channel, "unary_unary", "Unary")(b"l" * 3000000, timeout=20)))
        print("fails", how(lambda: of(channel, "unary_unary", "Fails")(b"x", timeout=20)))
        print("unknown", how(lambda: of(channel, "unary_unary", "Nothing")(b"x", timeout=20)).split(" ")[0])
        waiting = of(channel, "unary_unary", "Waits")
        print("deadline", how(lambda: waiting(b"x", timeout=0.5)).split(" ")[0], waiting(b"cancelled?", timeout=20).decode())
        waiting(b"begun?", timeout=20)
        given_up = waiting.future(b"x", timeout=20)
        print("begun", waiting(b"begun?", timeout=20).decode())
        given_up.cancel()
        print("cancelled", waiting(b"cancelled?", timeout=20).decode())


def one(target, word):
    with grpc.secure_channel(target, grpc.ssl_channel_credentials()) as channel:
        try:
            print("OK", of(channel, "unary_unary", "Unary")(word.encode(), metadata=(("x-note", word),), timeout=20).decode())
        except grpc.RpcError as error:
            print(error.code().name, dict(error.trailing_metadata() or ()).get("x-bottle-deny"), error.details())


if __name__ == "__main__":
    {"serve": serve, "call": call, "one": one}[sys.argv[1]](*sys.argv[2:])
