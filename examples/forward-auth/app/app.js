import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';

// An app that knows nothing of the login. It shows what it received from the proxy. It listens on the loopback address
// only: who reaches it without the proxy can send any Remote-User.

const escapeHtml = (text) => text.replace(/[&<>"]/g, (character) => `&#${character.codePointAt(0)};`);

/** The name of the user. The proxy sends it in percent-encoding. */
const userOf = ({ headers }) => decodeURIComponent(headers['remote-user'] ?? 'nobody');

function page(request, received) {
  return `<!doctype html>
<html lang="en">
<title>App</title>
<h1>Hello ${escapeHtml(userOf(request))}</h1>
<form method="post" action="/notes"><label>Note <input name="note"></label> <button>Save</button></form>
<p><a href="https://login.example.com/logout?next=https://app.example.com/">Sign out</a></p>
<pre>${escapeHtml(received)}</pre>
</html>
`;
}

async function handle(request, response) {
  const { method, url, headers } = request;
  const body = await buffer(request);
  const sha256 = createHash('sha256').update(body).digest('hex');
  const received = JSON.stringify({ method, url, headers, body: { bytes: body.length, sha256 } }, null, 2);
  const isPage = headers.accept?.includes('text/html') ?? false;
  response.writeHead(url.startsWith('/error') ? 500 : 200, {
    'content-type': isPage ? 'text/html; charset=utf-8' : 'application/json',
    'cache-control': 'no-store',
  });
  response.end(isPage ? page(request, received) : received);
}

/** The handshake of RFC 6455, section 4.2.2. */
function handshake(key) {
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
  return `${lines.join('\r\n')}\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

/** Answers one short text message and closes. A real app uses a package such as ws. */
function answer(user, frame) {
  const length = frame[1] & 0x7f;
  const mask = frame.subarray(2, 6);
  const text = frame.subarray(6, 6 + length).map((byte, index) => byte ^ mask[index % 4]);
  const reply = Buffer.from(`${user}: ${text}`);
  return Buffer.concat([Buffer.from([0x81, reply.length]), reply, Buffer.from([0x88, 0])]);
}

const server = createServer(handle).on('upgrade', (request, socket) => {
  socket.on('error', () => socket.destroy());
  socket.write(handshake(request.headers['sec-websocket-key']));
  socket.once('data', (frame) => socket.end(answer(userOf(request), frame)));
});

server.listen(process.env.PORT ?? 3000, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
