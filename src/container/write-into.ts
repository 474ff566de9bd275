/** Writes into files that cannot be replaced: devices, FIFOs, sockets, and open files such as stdout. */
import { nodeModule } from "../base/source.ts";

/** Bytes per call, so that an abort signal is noticed in between. */
const MOST = 1 << 20;

/** Interval at which a FIFO without a reader, or a full one, is retried, in milliseconds. */
const AGAIN = 10;

const wait = (): Promise<void> => new Promise(resolve => setTimeout(resolve, AGAIN));

const codeOf = (error: unknown): string | undefined => (error as { code?: string }).code;

/** The file descriptor behind a path such as /dev/stdout or /dev/fd/3. */
export function descriptorOf(path: string): number | undefined {
  const process = nodeModule("node:process")!;
  if (process.platform === "win32") return undefined;
  if (path === "/dev/stdout") return 1;
  if (path === "/dev/stderr") return 2;
  const [, owner, fd] = /^\/(?:dev|proc\/(self|\d+))\/fd\/(\d{1,9})$/.exec(path) ?? [];
  if (fd === undefined) return undefined;
  return owner === undefined || owner === "self" || owner === String(process.pid) ? Number(fd) : undefined;
}

/** Writes at the current position of an open file: earlier contents stay, and later writes follow. */
export async function writeToDescriptor(fd: number, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
  const fs = nodeModule("node:fs")!;
  const write = (at: number): Promise<number> =>
    new Promise((resolve, reject) => {
      fs.write(fd, bytes, at, Math.min(MOST, bytes.length - at), null, (error, written) =>
        error ? reject(error) : resolve(written),
      );
    });
  for (let at = 0; at < bytes.length; ) {
    signal?.throwIfAborted();
    try {
      at += await write(at);
    } catch (error) {
      if (codeOf(error) !== "EAGAIN") throw error;
      await wait();
    }
  }
}

/** Waits for the reader of a FIFO, as other programs do, but can be aborted by a signal. */
export async function writeInto(path: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
  const fs = nodeModule("node:fs")!;
  const { O_WRONLY, O_NONBLOCK = 0 } = fs.constants;
  for (;;) {
    signal?.throwIfAborted();
    try {
      const fd = fs.openSync(path, O_WRONLY | O_NONBLOCK);
      try {
        return await writeToDescriptor(fd, bytes, signal);
      } finally {
        fs.closeSync(fd);
      }
    } catch (error) {
      // no reader has opened the FIFO yet
      if (codeOf(error) !== "ENXIO" || !fs.statSync(path).isFIFO()) throw error;
      await wait();
    }
  }
}

/** Writes to the process that listens at a Unix socket. */
export async function writeToSocket(path: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = nodeModule("node:net")!.connect(path);
    const abort = () => socket.destroy(signal!.reason);
    signal?.addEventListener("abort", abort);
    socket.on("error", reject);
    socket.on("close", failed => {
      signal?.removeEventListener("abort", abort);
      if (!failed) resolve();
    });
    // the listener's answer is ignored, but must be consumed for the end event
    socket.resume();
    socket.end(bytes);
  });
}
