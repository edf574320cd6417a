// Sends COUNT requests of SIZE bytes over one HTTP/2 connection and prints each status, or what came instead.
const fs = require('fs');
const http = require('http');
const http2 = require('http2');
const { Readable } = require('stream');
const tls = require('tls');

const [proxy, ca, url, size, count] = process.argv.slice(2);
const target = new URL(url);
const authority = `${target.hostname}:${target.port || 443}`;

function connect() {
  return new Promise((done, failed) => {
    const asked = http.request({ host: new URL(proxy).hostname, port: new URL(proxy).port, method: 'CONNECT', path: authority });
    asked.on('connect', (answer, socket) => {
      const secured = tls.connect({ socket, servername: target.hostname, ca: fs.readFileSync(ca), ALPNProtocols: ['h2'] }, () =>
        done(http2.connect(url, { createConnection: () => secured })));
      secured.on('error', failed);
    });
    asked.on('error', failed);
    asked.end();
  });
}

function* pieces(size) {
  for (; size > 0; size -= 65536) yield Buffer.alloc(Math.min(size, 65536));
}

function post(session) {
  return new Promise((done) => {
    const request = session.request({ ':method': 'POST', ':path': target.pathname });
    let status = 'nothing';
    const timer = setTimeout(() => done('timeout'), 10000);
    const over = (word) => { clearTimeout(timer); done(word); };
    request.on('response', (fields) => { status = fields[':status']; });
    request.on('end', () => { over(status); request.close(); });
    request.on('error', (error) => over(error.code));
    request.resume();
    // Piece by piece: Node refuses what is larger than its own memory of a session.
    Readable.from(pieces(Number(size))).pipe(request);
  });
}

(async () => {
  const session = await connect();
  session.on('error', () => {});
  for (let i = 0; i < Number(count); ++i) console.log(await post(session));
  process.exit(0);
})();
