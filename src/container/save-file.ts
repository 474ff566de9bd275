/**
 * A file is replaced whole or not at all: written beside its place, brought to disk, renamed over the old one.
 *
 * Not by the package write-file-atomic (7.0.1), for two reasons measured under `ulimit -f`: it writes by one call and takes the short write
 * of a full disk for success, so that half a file replaces the old one; and its signal-exit takes over SIGXFSZ, which Node ignores in favour
 * of an error, and ends the process. Either way the test under `ulimit -f` in test/container/save-file.test.ts would fail.
 */
import { PenjingError, show, wrongType } from "../base/errors.ts";
import { nodeModule } from "../base/source.ts";

/**
 * Writes bytes to a path in Node; through a symbolic link, to what it points at, and with the mode of the file that was there.
 * Where that fails (no folder, no right, no room) an existing file stays as it was, nothing is left beside it, and the error is `unwritable`
 * with the path and the reason. `signal`: until the file is replaced.
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
    // A file that is not there yet has no real path; one whose folder is missing fails when it is opened.
    const target = await fs.realpath(path).catch(() => path);
    const mode = await fs.stat(target).then(
      known => known.mode,
      () => undefined,
    );
    const temporary = `${target}.${crypto.randomUUID()}.tmp`;
    try {
      const file = await fs.open(temporary, "wx", mode);
      try {
        await file.writeFile(bytes, signal ? { signal } : {});
        await file.sync();
      } finally {
        await file.close();
      }
      signal?.throwIfAborted();
      await fs.rename(temporary, target);
    } catch (error) {
      await fs.rm(temporary, { force: true });
      throw error;
    }
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new PenjingError("unwritable", `cannot save ${show(path)}: ${reason(cause as { code?: string } & Error)}`, {
      path,
      cause,
    });
  }
}

const REASONS: Record<string, string> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file would be larger than is allowed",
  ENOENT: "there is no such folder",
  ENOTDIR: "a part of the path is not a folder",
  EISDIR: "it is a folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the disk is read-only",
};

const reason = ({ code, message }: { code?: string; message: string }): string => (code && REASONS[code]) || message;
