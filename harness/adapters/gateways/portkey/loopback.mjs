// Portkey's gateway has no option for the address it listens on, and listens on all of them. Loaded before it
// (`node --import ./loopback.mjs`), this makes it listen on loopback; nothing else is touched.

import net from "node:net";

const listen = net.Server.prototype.listen;

net.Server.prototype.listen = function (port, ...rest) {
  const anywhere = typeof port === "number" && typeof rest[0] !== "string";
  return anywhere ? listen.call(this, port, "127.0.0.1", ...rest.filter((value) => typeof value === "function")) : listen.call(this, port, ...rest);
};
