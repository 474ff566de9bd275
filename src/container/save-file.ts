/**
 * Writes files atomically: a regular file is written next to its destination, flushed to disk and renamed over the old
 * one. A device, FIFO or socket must not be replaced: the bytes are written into it.
 *
 * Not by the package write-file-atomic (7.0.1), for two reasons measured under `ulimit -f`: it makes a single write
 * call and takes the short write of a full disk for success, so that half a file replaces the old one; and its
 * signal-exit takes over SIGXFSZ, which Node ignores in favour of an error, and ends the process. In both cases the
 * test under `ulimit -f` in test/container/save-file.test.ts would fail.
 */
import type { Stats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { PenjingError, show, wrongType } from "../base/errors.ts";
import { nodeModule } from "../base/source.ts";
import { removeLeftOver, temporaryBeside } from "./temporary-file.ts";
import { descriptorOf, writeInto, writeToDescriptor, writeToSocket } from "./write-into.ts";

/**
 * Writes bytes to a path in Node. Symbolic links are followed. A regular file is replaced and keeps its mode and, if
 * permitted, its owner; on failure (no folder, no permission, no space) the old file is unchanged and nothing is left
 * next to it. Temporary files left by a killed process are removed. A device, FIFO, socket or `/dev/stdout` is written
 * to. Errors: `unwritable` with the path and the reason.
 *
 * `signal` aborts until the file is replaced, or all bytes are written.
 */
export async function saveFile(path: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
  if (typeof path !== "string" || path === "") throw wrongType("path", "the path of a file", path);
  if (!(bytes instanceof Uint8Array)) throw wrongType("bytes", "Uint8Array", bytes);
  const fs = nodeModule("node:fs")?.promises;
  if (!fs) {
    const advice = `there are no files here to save ${show(path)} in: offer the bytes as a download`;
    throw new PenjingError("unwritable", advice, { path });
  }
  try {
    signal?.throwIfAborted();
    const place = await placeOf(path);
    const descriptor = descriptorOf(place);
    if (descriptor !== undefined) return await writeToDescriptor(descriptor, bytes, signal);
    const known = await fs.stat(place).catch(() => undefined);
    if (known?.isDirectory()) throw Object.assign(new Error(REASONS.EISDIR), { code: "EISDIR" });
    if (known?.isSocket()) return await writeToSocket(place, bytes, signal);
    if (known && !known.isFile()) return await writeInto(place, bytes, signal);
    await replace(place, bytes, known, signal);
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new PenjingError("unwritable", `cannot save ${show(path)}: ${reason(cause as { code?: string } & Error)}`, {
      path,
      cause,
    });
  }
}

/** A chain of more links than this is circular. */
const LINKS = 40;

/**
 * Resolves a path's symbolic links; the target need not exist. Links are followed one by one, since `/dev/stdout` and
 * the like lead to names such as `pipe:[7]` that are not paths.
 */
async function placeOf(path: string): Promise<string> {
  const fs = nodeModule("node:fs")!.promises;
  const { dirname, resolve } = nodeModule("node:path")!;
  let place = path;
  for (let i = 0; i < LINKS; i++) {
    if (descriptorOf(place) !== undefined) return place;
    const link = await fs.readlink(place).catch(() => undefined);
    if (link === undefined) return place;
    place = resolve(await fs.realpath(dirname(place)), link);
  }
  throw Object.assign(new Error(REASONS.ELOOP), { code: "ELOOP" });
}

async function replace(
  place: string,
  bytes: Uint8Array,
  known: Stats | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const fs = nodeModule("node:fs")!.promises;
  await removeLeftOver(place);
  const temporary = temporaryBeside(place);
  try {
    const file = await fs.open(temporary.path, "wx", known?.mode);
    try {
      await file.writeFile(bytes, signal ? { signal } : {});
      if (known) await keepOwnerAndMode(file, known);
      await file.sync();
    } finally {
      await file.close();
    }
    signal?.throwIfAborted();
    await fs.rename(temporary.path, place);
  } catch (error) {
    await fs.rm(temporary.path, { force: true });
    throw error;
  } finally {
    temporary.done();
  }
}

/**
 * Only the superuser may change the owner, and some file systems have no modes: failures are ignored. That grants no
 * extra access, since the file was created with the old mode minus the umask.
 */
async function keepOwnerAndMode(file: FileHandle, { uid, gid, mode }: Stats): Promise<void> {
  const made = await file.stat();
  if (made.uid !== uid || made.gid !== gid) await file.chown(uid, gid).catch(() => {});
  if (made.mode !== mode) await file.chmod(mode & 0o7777).catch(() => {});
}

const REASONS: Record<string, string> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file would be larger than is allowed",
  ENOENT: "there is no such folder",
  ENOTDIR: "a part of the path is not a folder",
  EISDIR: "it is a folder",
  ELOOP: "its links lead in a circle",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the disk is read-only",
  EPIPE: "its reader is gone",
};

const reason = ({ code, message }: { code?: string; message: string }): string => (code && REASONS[code]) || message;
