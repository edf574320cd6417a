"""Handshakes in memory with Python's ssl in strict mode. Arguments: root, key, then pairs of
(chain, name). Prints `ok NAME` or `refused NAME why` for each."""
import ssl
import sys


def shake(root, key, chain, name):
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(chain, key)
    client_context = ssl.create_default_context(cafile=root)
    client_context.verify_flags |= ssl.VERIFY_X509_STRICT
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=name)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(6):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                pass


root, key, *pairs = sys.argv[1:]
for chain, name in zip(pairs[::2], pairs[1::2]):
    try:
        shake(root, key, chain, name)
        print("ok", name)
    except ssl.SSLError as error:
        print("refused", name, error)
