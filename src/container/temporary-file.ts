/**
 * Temporary files next to a destination, to be renamed over it. The name contains the writer, so that the file of a
 * killed process is recognized later:
 *
 *     network.penjing.myhost-4711-9f03ac51.tmp        place, host, process, and a random number
 */
import { nodeModule } from "../base/source.ts";

export interface Temporary {
  readonly path: string;
  /** Call it once the file is renamed or removed: it cancels the cleanup at the end of the process. */
  done(): void;
}

/** Files that this thread is writing. */
const unfinished = new Set<string>();

function removeUnfinished(): void {
  for (const path of unfinished) nodeModule("node:fs")!.rmSync(path, { force: true });
}

/** Names a new file. Until it is `done`, the end of the process removes the file, unless a signal kills the process. */
export function temporaryBeside(place: string): Temporary {
  const process = nodeModule("node:process")!;
  const [random] = crypto.getRandomValues(new Uint32Array(1));
  const path = `${place}.${host()}-${process.pid}-${random!.toString(16).padStart(8, "0")}.tmp`;
  if (!unfinished.size) process.on("exit", removeUnfinished);
  unfinished.add(path);
  return {
    path,
    done() {
      unfinished.delete(path);
      if (!unfinished.size) process.off("exit", removeUnfinished);
    },
  };
}

/** Letters and digits that distinguish this computer, or container, from others that share the folder. */
const host = (): string =>
  nodeModule("node:os")!
    .hostname()
    .replace(/[^A-Za-z0-9]/g, "")
    .slice(0, 16);

/**
 * Removes temporary files of `place` whose process has ended. Failures are ignored: another process may have removed
 * them.
 */
export async function removeLeftOver(place: string): Promise<void> {
  const fs = nodeModule("node:fs")!.promises;
  const { basename, dirname, join } = nodeModule("node:path")!;
  const [folder, name] = [dirname(place), basename(place)];
  for (const found of await fs.readdir(folder).catch(() => [])) {
    if (!found.startsWith(name)) continue;
    const [, at, pid] = /^\.([A-Za-z0-9]*)-(\d+)-[0-9a-f]{8}\.tmp$/.exec(found.slice(name.length)) ?? [];
    if (pid === undefined) continue;
    const path = join(folder, found);
    const known = await fs.stat(path).catch(() => undefined);
    if (known && isLeftOver(path, known.mtimeMs, at!, Number(pid))) await fs.rm(path, { force: true }).catch(() => {});
  }
}

const SECOND = 1000;
const DAY = 24 * 3600 * SECOND;

/**
 * Age decides for the process of another computer, whose state is unknown, and for a process id that may have been
 * reused.
 */
function isLeftOver(path: string, written: number, at: string, pid: number): boolean {
  const process = nodeModule("node:process")!;
  if (unfinished.has(path)) return false;
  const old = written < Date.now() - DAY;
  if (at !== host()) return old;
  // another thread of this process may be writing; a file older than the process is from an earlier one, as in a
  // restarted container
  if (pid === process.pid) return written < Date.now() - SECOND * (process.uptime() + 1);
  return old || !isAlive(pid);
}

function isAlive(pid: number): boolean {
  try {
    return nodeModule("node:process")!.kill(pid, 0);
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}
