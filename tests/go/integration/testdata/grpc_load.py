"""Many gRPC streams, and large messages, with the real library.

  grpc_load.py serve KEY CERT                a server with TLS; prints its port, ends with its standard input
  grpc_load.py many TARGET STREAMS CHANNELS  opens so many calls at once, each in both directions; all are open before one ends
  grpc_load.py cancel TARGET CALLS CHANNELS  the same, and all of them are cancelled together
  grpc_load.py large TARGET BYTES            one message of that size, both ways
  grpc_load.py hit TARGET WORD KIND          WORD in a message of a call of that kind, after another; prints how it ends
"""
import asyncio
import os
import sys

import grpc

SERVICE = "bottle.test.Load"
LARGE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
going = 0


async def unary(request, context):
    return request


async def server_stream(request, context):
    for number in range(3):
        yield request + str(number).encode()


async def client_stream(requests, context):
    count = 0
    async for _ in requests:
        count += 1
    return str(count).encode()


async def bidi(requests, context):
    global going
    going += 1
    try:
        async for request in requests:
            yield request + b"!"
    finally:
        going -= 1


async def how_many_go_on(request, context):
    return str(going).encode()


async def gives_up(requests, context):
    async for request in requests:
        yield request
        await context.abort(grpc.StatusCode.CANCELLED, "the server gave up")


async def serve(key, cert):
    server = grpc.aio.server(options=LARGE)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "ServerStream": grpc.unary_stream_rpc_method_handler(server_stream),
        "ClientStream": grpc.stream_unary_rpc_method_handler(client_stream),
        "Bidi": grpc.stream_stream_rpc_method_handler(bidi),
        "GivesUp": grpc.stream_stream_rpc_method_handler(gives_up),
        "Going": grpc.unary_unary_rpc_method_handler(how_many_go_on),
    }),))
    with open(key, "rb") as k, open(cert, "rb") as c:
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(k.read(), c.read())]))
    await server.start()
    print(port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.stop(0)


def channels(target, count):
    # A pool of its own: else the library would put all of them on one connection.
    options = LARGE + [("grpc.use_local_subchannel_pool", 1)]
    return [grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(), options=options) for _ in range(count)]


def of(channel, kind, name):
    return getattr(channel, kind)("/%s/%s" % (SERVICE, name))


async def open_calls(opened, count):
    calls = [of(opened[i % len(opened)], "stream_stream", "Bidi")(timeout=200) for i in range(count)]

    async def first(call, number):
        await call.write(b"a%d" % number)
        return await call.read() == b"a%d!" % number

    good = await asyncio.gather(*(first(call, number) for number, call in enumerate(calls)))
    return calls, sum(good)


async def many(target, count, connections):
    opened = channels(target, int(connections))
    calls, good = await open_calls(opened, int(count))

    async def second(call):
        await call.write(b"b")
        reply = await call.read()
        await call.done_writing()
        return reply == b"b!" and await call.read() is grpc.aio.EOF and await call.code() == grpc.StatusCode.OK

    ended = await asyncio.gather(*(second(call) for call in calls))
    print("opened", good, "ended", sum(ended))


async def cancel(target, count, connections):
    opened = channels(target, int(connections))
    calls, good = await open_calls(opened, int(count))
    going_before = await of(opened[0], "unary_unary", "Going")(b"", timeout=20)
    for call in calls:
        call.cancel()
    codes = await asyncio.gather(*(call.code() for call in calls))
    for _ in range(200):
        left = await of(opened[0], "unary_unary", "Going")(b"", timeout=20)
        if left == b"0":
            break
        await asyncio.sleep(0.05)
    # The connections are still good.
    after = [await of(channel, "unary_unary", "Unary")(b"after", timeout=20) for channel in opened]
    print("opened", good, "at the server", going_before.decode(), "cancelled",
          codes.count(grpc.StatusCode.CANCELLED), "left", left.decode(), "after", after.count(b"after"))


async def large(target, size):
    sent = os.urandom(1 << 20) * (int(size) >> 20)
    channel = channels(target, 1)[0]  # kept: without a name for it the library closes it
    reply = await of(channel, "unary_unary", "Unary")(sent, timeout=200)
    print("large", len(reply), reply == sent)


async def hit(target, word, kind):
    channel = channels(target, 1)[0]
    word = word.encode()
    try:
        if kind == "Unary":
            await of(channel, "unary_unary", "Unary")(b"x " + word, timeout=20)
        elif kind == "ServerStream":
            async for _ in of(channel, "unary_stream", "ServerStream")(b"x " + word, timeout=20):
                pass
        elif kind == "ClientStream":
            call = of(channel, "stream_unary", "ClientStream")(timeout=20)
            await call.write(b"first")
            await call.write(b"second " + word)
            await call.done_writing()
            await call
        elif kind == "Bidi":
            call = of(channel, "stream_stream", "Bidi")(timeout=20)
            await call.write(b"first")
            if await call.read() != b"first!":
                print("no conversation")
            await call.write(b"second " + word[:20])
            await call.write(word[20:])
            await call.done_writing()
            while await call.read() is not grpc.aio.EOF:
                pass
            if await call.code() != grpc.StatusCode.OK:
                print((await call.code()).name, dict(list(await call.trailing_metadata())).get("x-bottle-deny"),
                      await call.details())
                return
        else:
            call = of(channel, "stream_stream", "GivesUp")(timeout=20)
            await call.write(word)
            if await call.read() != word:
                print("no conversation")
            while await call.read() is not grpc.aio.EOF:
                pass
            print((await call.code()).name, await call.details())
            return
        print("OK")
    except grpc.aio.AioRpcError as error:
        print(error.code().name, dict(list(error.trailing_metadata() or ())).get("x-bottle-deny"), error.details())


if __name__ == "__main__":
    asyncio.run({"serve": serve, "many": many, "cancel": cancel, "large": large, "hit": hit}[sys.argv[1]](*sys.argv[2:]))
