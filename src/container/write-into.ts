/** Bytes written into what cannot be replaced: devices, FIFOs, sockets, and files that are open already, such as stdout. */
import { nodeModule } from "../base/source.ts";

/** Bytes handed over by one call, so that a signal is seen in between. */
const MOST = 1 << 20;

/** Time until a FIFO is tried again that has no reader, or is full, in milliseconds. */
const AGAIN = 10;

const wait = (): Promise<void> => new Promise(resolve => setTimeout(resolve, AGAIN));

const codeOf = (error: unknown): string | undefined => (error as { code?: string }).code;

/** The number of the open file that a path such as /dev/stdout or /dev/fd/3 stands for. */
export function descriptorOf(path: string): number | undefined {
  const process = nodeModule("node:process")!;
  if (process.platform === "win32") return undefined;
  if (path === "/dev/stdout") return 1;
  if (path === "/dev/stderr") return 2;
  const [, owner, fd] = /^\/(?:dev|proc\/(self|\d+))\/fd\/(\d{1,9})$/.exec(path) ?? [];
  if (fd === undefined) return undefined;
  return owner === undefined || owner === "self" || owner === String(process.pid) ? Number(fd) : undefined;
}

/** Writes where the open file stands: what was written to it before stays, and what comes later follows. */
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

/** Waits for the reader of a FIFO, as other programs do, but so that a signal ends it. */
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

/** Writes to the process that listens at a socket of the file system. */
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
    // what the listener answers is not read, but has to be taken so that the end is seen
    socket.resume();
    socket.end(bytes);
  });
}
