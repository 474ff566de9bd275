/**
 * Sources of bytes: a path or Buffer in Node, a URL, File, Blob or Response in a browser, an ArrayBuffer anywhere.
 * Modules of Node are loaded at run time (`process.getBuiltinModule`), so that no bundler or server-side renderer sees
 * an import.
 */
import { PenjingError, show, wrongType } from "./errors.ts";

/** A string is a path in Node and a URL in a browser; one with a scheme (`https://...`) is a URL in both. */
export type Source = string | URL | ArrayBuffer | SharedArrayBuffer | ArrayBufferView | Blob;

export interface SourceBytes {
  bytes: Uint8Array<ArrayBuffer>;
  /** The file or URL, where there is one. */
  path?: string;
}

/** @internal Kept out of the published types, so that users need no types of Node. */
type NodeModules = {
  "node:fs": typeof import("node:fs");
  "node:module": typeof import("node:module");
  "node:net": typeof import("node:net");
  "node:os": typeof import("node:os");
  "node:path": typeof import("node:path");
  "node:process": typeof import("node:process");
};

/** Returns a built-in module of Node; undefined outside Node. @internal */
export function nodeModule<Name extends keyof NodeModules>(name: Name): NodeModules[Name] | undefined {
  const host = (globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }).process;
  return host?.getBuiltinModule?.(name) as NodeModules[Name] | undefined;
}

/** Reads all bytes of a source. A missing or unreadable one is a PenjingError that names it. */
export async function readSource(source: Source, signal?: AbortSignal): Promise<SourceBytes> {
  if (typeof source === "string" || source instanceof URL) return readAddress(String(source), signal);
  if (ArrayBuffer.isView(source))
    return { bytes: new Uint8Array(source.buffer as ArrayBuffer, source.byteOffset, source.byteLength) };
  // Not by `instanceof`: another realm (a frame, a test runner's sandbox) has classes of its own.
  if (typeof (source as ArrayBuffer)?.byteLength === "number") {
    const bytes = new Uint8Array(source as ArrayBuffer);
    return { bytes: source instanceof ArrayBuffer ? bytes : bytes.slice() };
  }
  if (typeof (source as Blob)?.arrayBuffer !== "function")
    throw wrongType("source", "a path, URL, ArrayBuffer, typed array, Blob or File", source);
  const path = (source as Partial<File>).name;
  try {
    return { bytes: new Uint8Array(await (source as Blob).arrayBuffer()), ...(path && { path }) };
  } catch (cause) {
    throw unreadable(path, (cause as Error).message, cause);
  }
}

async function readAddress(path: string, signal: AbortSignal | undefined): Promise<SourceBytes> {
  signal?.throwIfAborted();
  const fs = nodeModule("node:fs");
  try {
    if (fs && !/^(https?|data|blob):/i.test(path)) {
      // Synchronous: in a new process the asynchronous calls take 4 ms (measured), more than everything else for a
      // small network.
      const bytes = fs.readFileSync(path.startsWith("file:") ? new URL(path) : path);
      return { bytes: new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength), path };
    }
    const response = await fetch(path, signal ? { signal } : {});
    if (response.ok) return { bytes: new Uint8Array(await response.arrayBuffer()), path };
    throw unreadable(path, `the server says ${response.status}`, undefined, response.status === 404);
  } catch (cause) {
    if (signal?.aborted || cause instanceof PenjingError) throw cause;
    const missing = (cause as { code?: string }).code === "ENOENT";
    throw unreadable(path, missing ? "there is no such file" : (cause as Error).message, cause, missing);
  }
}

const unreadable = (path: string | undefined, why: string, cause: unknown, missing = false): PenjingError =>
  new PenjingError(missing ? "missing" : "unreadable", `cannot read ${path ? show(path) : "the Blob"}: ${why}`, {
    path,
    cause,
  });
