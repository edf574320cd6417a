// An echo server with Node's ws: node echo_ws.js HOST PORT
const { WebSocketServer } = require("ws");

const server = new WebSocketServer({
  host: process.argv[2], port: Number(process.argv[3]), maxPayload: 0, perMessageDeflate: true,
});
server.on("connection", (socket) => {
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on("error", () => {});
});
server.on("listening", () => console.log("ready"));
