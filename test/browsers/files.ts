/** `node:fs` for tests in a page, read only: the files of the repository, by their path from its root. */

function bytesAt(path: string): Uint8Array<ArrayBuffer> {
  const request = new XMLHttpRequest();
  request.open("GET", `/files/${path}`, false);
  // a synchronous request of a page cannot return an ArrayBuffer; in this charset every byte is one character
  request.overrideMimeType("text/plain; charset=x-user-defined");
  request.send();
  if (request.status !== 200) throw new Error(`${path}: ${request.responseText}`);
  return Uint8Array.from(request.responseText, character => character.charCodeAt(0) & 255);
}

export function readFileSync(path: string, encoding?: "utf8"): Uint8Array<ArrayBuffer> | string {
  const bytes = bytesAt(path);
  return encoding ? new TextDecoder().decode(bytes) : bytes;
}

export const readdirSync = (path: string): string[] => JSON.parse(readFileSync(path, "utf8") as string);
