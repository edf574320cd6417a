// Handshakes over loopback with Node's tls. Arguments: root, key, then pairs of (chain, name).
// Prints `ok NAME` or `refused NAME why` for each.
const tls = require('tls');
const fs = require('fs');
const net = require('net');
const { X509Certificate } = require('crypto');

// Node 18 finds no IPv6 address in any certificate: tls.checkServerIdentity('::1') refuses its own example. There the
// address is looked for with OpenSSL, and the chain is verified by Node as for other names.
const example = { subject: {}, subjectaltname: 'IP Address:0:0:0:0:0:0:0:1' };
const findsIPv6 = tls.checkServerIdentity('::1', example) === undefined;

function checkAddress(name, cert) {
  if (net.isIPv4(name) || findsIPv6) return tls.checkServerIdentity(name, cert);
  if (new X509Certificate(cert.raw).checkIP(name)) return undefined;
  return Object.assign(new Error(`not a certificate of ${name}`), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
}

function shake(root, key, chain, name) {
  return new Promise((done) => {
    const server = tls.createServer({ key, cert: fs.readFileSync(chain) }, (s) => s.end());
    server.on('tlsClientError', () => {});
    server.listen(0, '127.0.0.1', () => {
      const options = { port: server.address().port, host: '127.0.0.1', ca: root };
      if (net.isIP(name)) {
        options.checkServerIdentity = (_, cert) => checkAddress(name, cert);
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
