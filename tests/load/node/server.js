// The server of `bench_server`, on socket.io with its default `ws`. `PORT` is any free one by default.
const { createServer } = require("node:http");
const { Server } = require("socket.io");

const http = createServer();
// As generous as the other servers, so that none is cut off at full load.
const io = new Server(http, { maxHttpBufferSize: 4e6, serveClient: false });

io.on("connection", (socket) => {
  socket.join("bench");
  socket.on("echo", (argument) => socket.emit("echo", argument));
  socket.on("ack", (argument, ack) => ack(argument));
  socket.on("bcast", (argument) => io.to("bench").emit("bcast", argument));
  socket.on("join", (rooms, ack) => {
    socket.join(rooms);
    ack("joined");
  });
  socket.on("bcast-to", (room, argument) => io.to(room).emit("bcast", argument));
});

const port = Number(process.env.PORT ?? 0);
http.listen({ port, host: "127.0.0.1", backlog: 4096 }, () => {
  console.log(`listening on http://127.0.0.1:${http.address().port}`);
});
