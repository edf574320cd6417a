#!/usr/bin/env python3
"""An echo server with Python's websockets: echo_websockets.py HOST PORT"""
import asyncio
import sys

from websockets.asyncio.server import serve


async def echo(connection):
    async for message in connection:
        await connection.send(message)


async def main():
    async with serve(echo, sys.argv[1], int(sys.argv[2]), max_size=None, ping_interval=None) as server:
        print("ready", flush=True)
        await server.serve_forever()


asyncio.run(main())
