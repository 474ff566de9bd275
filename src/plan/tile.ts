/**
 * Orders calls into blocks. Calls that may run on any part of the batch are gathered into loops over groups of images
 * that stay in cache; a call for the whole batch moves before the loop if it is independent of the calls in it, else
 * after it.
 */
import type { Buffer, Call } from "./lower.ts";

export interface Block {
  readonly loop: boolean;
  readonly calls: Call[];
}

/** A sequence of calls and the union of what they access, for a single comparison with another call. */
class Calls {
  readonly list: Call[] = [];
  readonly #read = new Set<Buffer>();
  readonly #written = new Set<Buffer>();

  add(call: Call): void {
    this.list.push(call);
    for (const b of call.reads) this.#read.add(b);
    for (const b of call.writes) this.#written.add(b);
  }

  /** True if `call` depends on one of these, or one of these on it. */
  conflicts({ reads, writes }: Call): boolean {
    return writes.some(b => this.#read.has(b) || this.#written.has(b)) || reads.some(b => this.#written.has(b));
  }
}

export function tile(calls: readonly Call[]): Block[] {
  const blocks: Block[] = [];
  let before = new Calls();
  let body = new Calls();
  let after = new Calls();
  const flush = () => {
    if (before.list.length) blocks.push({ loop: false, calls: before.list });
    if (body.list.length) blocks.push({ loop: true, calls: body.list });
    if (after.list.length) blocks.push({ loop: false, calls: after.list });
    before = new Calls();
    body = new Calls();
    after = new Calls();
  };
  for (const call of calls) {
    if (call.split) {
      if (after.conflicts(call)) flush();
      body.add(call);
    } else if (!body.conflicts(call) && !after.conflicts(call)) before.add(call);
    else after.add(call);
  }
  flush();
  return blocks;
}

/** Splits off the calls that depend on nothing that varies from run to run: *prepare*, which runs once. */
export function prepared(calls: readonly Call[], buffers: readonly Buffer[]): { once: Call[]; rest: Call[] } {
  const varies = new Set<Buffer>();
  const spreading: Buffer[] = [];
  const vary = (b: Buffer) => {
    if (varies.has(b)) return;
    varies.add(b);
    spreading.push(b);
  };
  for (const b of buffers) if (b.kind === "stream" || b.kind === "input" || b.kind === "tally") vary(b);
  const touching = new Map<Buffer, Call[]>();
  for (const call of calls) {
    const { reads, writes, split } = call;
    for (const b of writes) if (b.kind === "state") vary(b);
    // scratch has room for one group of images, so whatever is made in it is made group by group
    if (split && writes.some(b => b.kind === "temp" && !b.value)) for (const b of writes) vary(b);
    if (call.once) continue;
    for (const b of [...reads, ...writes]) {
      const list = touching.get(b);
      if (list) list.push(call);
      else touching.set(b, [call]);
    }
  }
  // a call's outputs vary if anything that it reads or writes does
  for (let b = spreading.pop(); b; b = spreading.pop())
    for (const call of touching.get(b) ?? []) for (const written of call.writes) vary(written);
  const once: Call[] = [];
  const rest: Call[] = [];
  for (const call of calls) (call.once || !call.writes.some(b => varies.has(b)) ? once : rest).push(call);
  return { once, rest };
}
