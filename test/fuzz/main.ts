/**
 * npm run fuzz -- --graphs N [--from SEED] [--built] [--json]: runs hostile files in child processes and watches them.
 *
 * - `traps`: undocumented errors, traps, processes that died, memory changed outside buffers
 * - `hangs`: files that took longer than 6 s
 * - `overBudget`: files that took longer than 4 s, or a process to more than 600 MB
 * - `unrepeatable`: results that depend on old memory contents
 *
 * All four are 0, or the exit code is 1. A seed that failed is repeated by `npm run fuzz -- --from SEED --graphs 1`.
 */
import { fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { Task, Told } from "./process.ts";

/** Milliseconds of processor time. */
const HANG = 6000;
const SLOW = 4000;
/** Milliseconds of wall-clock time after which a process that waits is considered hanging. */
const IDLE = 60_000;
const PEAK = 600e6;
/** A process is replaced after this many trials, so that a leak shows in `peak` and separate trials do not add up. */
const TRIALS = 4000;

const { values } = parseArgs({
  options: {
    graphs: { type: "string", default: "1000" },
    from: { type: "string", default: "0" },
    built: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const graphs = Number(values.graphs);
const first = Number(values.from);
if (!Number.isInteger(graphs) || graphs < 1 || !Number.isInteger(first) || first < 0)
  throw new RangeError("--graphs and --from are whole numbers");
const bundles = values.built ? pathToFileURL(resolve("build")).href : undefined;

const counts = { traps: 0, hangs: 0, overBudget: 0, unrepeatable: 0 };
let accepted = 0;
const refused: Record<string, number> = {};

function fault(kind: keyof typeof counts, seed: number, what: string): void {
  counts[kind]++;
  const again = `npm run fuzz -- --from ${seed} --graphs 1${values.built ? " --built" : ""}`;
  console.error(`${kind}, seed ${seed} (${again}): ${what}`);
}

function count({ seed, refused: code, faults, milliseconds, peak }: Told, begun: number): void {
  if (code === undefined) accepted++;
  else refused[code] = (refused[code] ?? 0) + 1;
  for (const { kind, what } of faults) fault(kind === "trap" ? "traps" : kind, seed, what);
  if (milliseconds > SLOW) fault("overBudget", seed, `${Math.round(milliseconds)} ms`);
  if (peak > PEAK && begun <= PEAK) fault("overBudget", seed, `${Math.round(peak / 1e6)} MB`);
}

/**
 * Processor time of a process in milliseconds, if the system reports it: on a busy machine wall-clock time says less.
 */
function processorTime(pid: number): number | undefined {
  try {
    const [, fields] = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ");
    const [user, system] = fields!.split(" ").slice(11, 13).map(Number);
    return (user! + system!) * 10;
  } catch {
    return undefined;
  }
}

/** Tries seeds in one process; returns the first seed that is left when the process has ended, for whatever reason. */
function tried(task: Task): Promise<number> {
  return new Promise(settle => {
    const child = fork(resolve("build/fuzz/process.js"), { serialization: "advanced" });
    let next = task.from;
    let begun = 0;
    let over = false;
    let watch: NodeJS.Timeout | undefined;
    const end = (seed: number) => {
      if (over) return;
      over = true;
      clearTimeout(watch);
      child.kill("SIGKILL");
      settle(seed);
    };
    const wait = (had: number | undefined, since = Date.now(), limit = HANG) => {
      clearTimeout(watch);
      watch = setTimeout(() => {
        const used = processorTime(child.pid!);
        const left = used === undefined || had === undefined ? 0 : HANG - (used - had);
        if (left > 0 && Date.now() - since < IDLE) return wait(had, since, Math.max(left, 1000));
        fault("hangs", next, `no end after ${HANG} ms of the processor, or ${IDLE} ms`);
        end(next + task.step);
      }, limit);
    };
    child.on("message", (told: Told | "ready") => {
      if (over) return;
      if (told !== "ready") {
        count(told, begun);
        begun = told.peak;
        next = told.seed + task.step;
        // a process that is large already would hide the next file that makes one large
        if (begun > PEAK) return end(next);
      }
      if (next < task.to) wait(processorTime(child.pid!));
      else end(next);
    });
    child.on("exit", (code, signal) => {
      if (over) return;
      fault("traps", next, `the process ended: ${signal ?? code}`);
      end(next + task.step);
    });
    child.send(task);
  });
}

/** One of several workers that share the seeds. */
async function lane(place: number, lanes: number): Promise<void> {
  const to = first + graphs;
  for (let from = first + place; from < to; )
    from = await tried({ from, to: Math.min(to, from + TRIALS * lanes), step: lanes, bundles });
}

const lanes = Math.min(availableParallelism(), graphs);
await Promise.all(Array.from({ length: lanes }, (_, place) => lane(place, lanes)));

const report = { graphs, ...counts, accepted, refused };
console.log(values.json ? JSON.stringify(report) : report);
process.exitCode = Object.values(counts).some(n => n > 0) ? 1 : 0;
