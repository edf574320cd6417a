"""Sends COUNT requests of SIZE bytes with httpx over HTTP/2 and prints each status, or the exception's name."""

import ssl
import sys

import httpx

proxy, ca, url, size, count = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
options = {"verify": context, "http2": True, "timeout": 10}
try:
    client = httpx.Client(proxy=proxy, **options)
except TypeError:  # before httpx 0.26
    client = httpx.Client(proxies=proxy, **options)
for _ in range(int(count)):
    try:
        answer = client.post(url, content=b"x" * int(size))
        print(answer.status_code if answer.http_version == "HTTP/2" else answer.http_version)
    except httpx.HTTPError as error:
        print(type(error).__name__)
