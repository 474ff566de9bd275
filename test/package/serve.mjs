// A server on 127.0.0.1 for pages under test: serves a folder, with any headers.
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css" };

/** No `eval`, no `blob:`, no `data:`, no other origin: the strictest policy that allows WebAssembly. */
export const POLICY = { "content-security-policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'" };

/** Headers that make a page cross-origin isolated. */
export const ISOLATION = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/** Serves `folder` until `close` is called. JSON that a page posts to /result resolves the promise `result`. */
export async function serve(folder, headers = {}) {
  let found;
  const result = new Promise(resolve => {
    found = resolve;
  });
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
    if (request.method === "POST" && path === "/result") {
      let body = "";
      request.on("data", part => {
        body += part;
      });
      request.on("end", () => found(JSON.parse(body)));
      return response.end();
    }
    const file = join(folder, path);
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return response.writeHead(404).end();
    const type = TYPES[extname(path)] ?? "application/octet-stream";
    createReadStream(file).pipe(response.writeHead(200, { ...headers, "content-type": type }));
  });
  await new Promise(resolve => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { result, url: `http://127.0.0.1:${server.address().port}`, close };
}
