/** Reads, writes and saves `.penjing` files. docs/container.md describes every byte. */

export { claimGraph } from "./claims.ts";
export type { Extras, Preprocessing } from "./extras.ts";
export { type Contents, type ReadFromOptions, type ReadOptions, read, readFrom } from "./read.ts";
export { saveFile } from "./save-file.ts";
export { storedBytes, type WriteOptions, write } from "./write.ts";
