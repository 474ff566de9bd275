/**
 * Order of calls -> blocks. Calls that may run on any part of the batch are gathered into loops over groups of images that
 * stay in cache; calls for the whole batch move before the loop where nothing in it matters to them, else behind it.
 */
import type { Buffer, Call } from "./lower.ts";

export interface Block {
  readonly loop: boolean;
  readonly calls: Call[];
}

/** Does the order of a and b matter? */
const conflict = (a: Call, b: Call): boolean =>
  a.writes.some(x => b.reads.includes(x) || b.writes.includes(x)) || a.reads.some(x => b.writes.includes(x));

export function tile(calls: readonly Call[]): Block[] {
  const blocks: Block[] = [];
  let before: Call[] = [];
  let body: Call[] = [];
  let after: Call[] = [];
  const flush = () => {
    if (before.length) blocks.push({ loop: false, calls: before });
    if (body.length) blocks.push({ loop: true, calls: body });
    if (after.length) blocks.push({ loop: false, calls: after });
    before = [];
    body = [];
    after = [];
  };
  for (const call of calls) {
    if (call.split) {
      if (after.some(other => conflict(other, call))) flush();
      body.push(call);
    } else if (!body.some(other => conflict(other, call)) && !after.some(other => conflict(other, call)))
      before.push(call);
    else after.push(call);
  }
  flush();
  return blocks;
}

/** Splits off what depends on nothing that varies from run to run: it runs once, as *prepare*. */
export function prepared(calls: readonly Call[], buffers: readonly Buffer[]): { once: Call[]; rest: Call[] } {
  const varies = new Set(buffers.filter(b => b.kind === "stream" || b.kind === "input" || b.kind === "tally"));
  const varying = (b: Buffer) => varies.has(b);
  for (const { writes, split } of calls) {
    for (const b of writes) if (b.kind === "state") varies.add(b);
    // scratch has room for a group of images: what is made in it is made group by group
    if (split && writes.some(b => b.kind === "temp" && !b.value)) for (const b of writes) varies.add(b);
  }
  for (let before = -1; before !== varies.size; ) {
    before = varies.size;
    for (const call of calls)
      if (!call.once && (call.reads.some(varying) || call.writes.some(varying)))
        for (const b of call.writes) varies.add(b);
  }
  const once: Call[] = [];
  const rest: Call[] = [];
  for (const call of calls) (call.once || !call.writes.some(varying) ? once : rest).push(call);
  return { once, rest };
}
