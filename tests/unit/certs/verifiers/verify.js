// Handshakes over loopback with Node's tls. Arguments: root, key, then pairs of (chain, name).
// Prints `ok NAME` or `refused NAME why` for each.
const tls = require('tls');
const fs = require('fs');
const net = require('net');

function shake(root, key, chain, name) {
  return new Promise((done) => {
    const server = tls.createServer({ key, cert: fs.readFileSync(chain) }, (s) => s.end());
    server.on('tlsClientError', () => {});
    server.listen(0, '127.0.0.1', () => {
      const options = { port: server.address().port, host: '127.0.0.1', ca: root };
      if (net.isIP(name)) {
        options.checkServerIdentity = (_, cert) => tls.checkServerIdentity(name, cert);
      } else {
        options.servername = name;
      }
      const finish = (line) => { client.destroy(); server.close(() => done(line)); };
      const client = tls.connect(options, () => finish(`ok ${name}`));
      client.on('error', (error) => finish(`refused ${name} ${error.code}`));
    });
  });
}

(async () => {
  const [root, key, ...pairs] = process.argv.slice(2);
  for (let i = 0; i < pairs.length; i += 2) {
    console.log(await shake(fs.readFileSync(root), fs.readFileSync(key), pairs[i], pairs[i + 1]));
  }
})();
