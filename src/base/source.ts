/**
 * Where bytes come from: a path or Buffer in Node, a URL, File, Blob or Response in a browser, an ArrayBuffer anywhere.
 * Node's modules are asked for at run time (`process.getBuiltinModule`), so that no bundler or server-side renderer ever sees the import.
 */
import { PenjingError, show, wrongType } from "./errors.ts";

/** A string is a path in Node and a URL in a browser; one with a scheme (`https://...`) is a URL in both. */
export type Source = string | URL | ArrayBuffer | SharedArrayBuffer | ArrayBufferView | Blob;

export interface SourceBytes {
  bytes: Uint8Array<ArrayBuffer>;
  /** The file or URL, where there is one. */
  path?: string;
}

/** @internal Stays out of the published types, so that a user needs no types of Node. */
type NodeModules = {
  "node:fs": typeof import("node:fs");
  "node:module": typeof import("node:module");
  "node:path": typeof import("node:path");
  "node:url": typeof import("node:url");
  "node:zlib": typeof import("node:zlib");
};

/** A module of Node itself; undefined outside Node. @internal */
export function nodeModule<Name extends keyof NodeModules>(name: Name): NodeModules[Name] | undefined {
  const host = (globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }).process;
  return host?.getBuiltinModule?.(name) as NodeModules[Name] | undefined;
}

/** All bytes of a source. A missing or unreadable one is a PenjingError that names it. */
export async function readSource(source: Source, signal?: AbortSignal): Promise<SourceBytes> {
  if (source instanceof ArrayBuffer) return { bytes: new Uint8Array(source) };
  if (ArrayBuffer.isView(source))
    return { bytes: new Uint8Array(source.buffer as ArrayBuffer, source.byteOffset, source.byteLength) };
  if (typeof SharedArrayBuffer !== "undefined" && source instanceof SharedArrayBuffer)
    return { bytes: new Uint8Array(source).slice() };
  if (typeof Blob !== "undefined" && source instanceof Blob) return readBlob(source);
  if (typeof source === "string" || source instanceof URL) {
    const path = filePath(source);
    return path === undefined ? readUrl(String(source), signal) : readFile(path, signal);
  }
  throw wrongType("source", "a path, URL, ArrayBuffer, typed array, Blob or File", source);
}

/** The path in Node's file system, undefined for what must be fetched. */
function filePath(source: string | URL): string | undefined {
  const url = nodeModule("node:url");
  if (!url) return undefined;
  const text = String(source);
  if (text.startsWith("file:")) return url.fileURLToPath(text);
  return /^(https?|data|blob):/i.test(text) ? undefined : text;
}

async function readFile(path: string, signal: AbortSignal | undefined): Promise<SourceBytes> {
  const { readFile } = nodeModule("node:fs")!.promises;
  try {
    const bytes = await readFile(path, signal ? { signal } : {});
    return { bytes: new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength), path };
  } catch (cause) {
    if (signal?.aborted) throw cause;
    const missing = (cause as { code?: string }).code === "ENOENT";
    const why = missing ? "there is no such file" : (cause as Error).message;
    throw new PenjingError(missing ? "missing" : "unreadable", `cannot read ${show(path)}: ${why}`, { path, cause });
  }
}

async function readUrl(path: string, signal: AbortSignal | undefined): Promise<SourceBytes> {
  let response: Response;
  try {
    response = await fetch(path, signal ? { signal } : {});
    if (response.ok) return { bytes: new Uint8Array(await response.arrayBuffer()), path };
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new PenjingError("unreadable", `cannot fetch ${show(path)}: ${(cause as Error).message}`, { path, cause });
  }
  const code = response.status === 404 ? "missing" : "unreadable";
  throw new PenjingError(code, `cannot fetch ${show(path)}: the server says ${response.status}`, { path });
}

async function readBlob(blob: Blob): Promise<SourceBytes> {
  const path = (blob as Partial<File>).name;
  try {
    return { bytes: new Uint8Array(await blob.arrayBuffer()), ...(path && { path }) };
  } catch (cause) {
    const what = path ? show(path) : "the Blob";
    throw new PenjingError("unreadable", `cannot read ${what}: ${(cause as Error).message}`, {
      cause,
      ...(path && { path }),
    });
  }
}
