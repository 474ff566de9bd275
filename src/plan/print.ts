/** Prints programs and arenas as text. */
import { printable } from "../base/printable.ts";
import { type Buffer, isRef } from "./lower.ts";
import type { Plan, Program } from "./plan.ts";
import { argumentsOf, callsOf, type PlacedCall, placed } from "./words.ts";

/**
 * One line per call: `  f32_relu n=64 x=conv2d@4096 y=relu@8192    ; the layer`, under `prepare` and `run`. The calls
 * of a loop over groups of images follow its line, with the arguments of its first turn.
 */
export function printProgram(program: Program): string {
  const { batch, group, once, blocks } = program;
  const show = (indent: string) => (call: PlacedCall) => {
    const values = argumentsOf(program, call);
    const args = call.args.map((arg, j) => {
      const place = isRef(arg) ? `${arg.buffer.name}@` : "";
      return `${call.form.args[j]!.name}=${place}${values[j]}`;
    });
    return `${indent}${call.kernel} ${args.join(" ")}    ; ${call.node.name}`;
  };
  const calls = callsOf(program);
  const run = blocks.flatMap(block => {
    const own = calls.splice(0, block.calls.length);
    if (!block.loop || group === batch) return own.map(show("  "));
    return [`  loop ${batch / group} x ${group} images`, ...own.map(show("    "))];
  });
  return ["prepare", ...placed(program, 0, once).map(show("  ")), "run", ...run].map(printable).join("\n");
}

/** Width of the map in characters, from the first call to the last. */
const WIDTH = 64;

/**
 * The temporaries of one program as a map: a row per buffer from the lowest address up, a column per moment (calls of a
 * tiled loop share one), `#` while the buffer is in use. Two rows may have the same addresses, never at the same
 * moment.
 *
 *     address   bytes  name            0 ............. 41
 *      790528   12544  %26             ####
 */
export function printArena(plan: Plan, program: Program): string {
  const { from, to } = plan.temporary;
  const temporaries = program.buffers.filter(b => b.kind === "temp");
  const moments = Math.max(1, ...temporaries.map(b => b.to + 1));
  const columns = Math.min(WIDTH, moments);
  const column = (moment: number) => Math.floor((moment * columns) / moments);
  const row = (b: Buffer) => {
    const inUse = (c: number) => c >= column(b.from) && c <= column(b.to);
    const bar = Array.from({ length: columns }, (_, c) => (inUse(c) ? "#" : " ")).join("");
    const name = b.name.slice(0, 28).padEnd(28);
    return `${String(b.at).padStart(10)} ${String(b.unit * b.count).padStart(9)}  ${name} ${bar.trimEnd()}`;
  };
  const rows = [...temporaries].sort((a, b) => a.at - b.at || b.unit * b.count - a.unit * a.count).map(row);
  const sum = temporaries.reduce((n, b) => n + b.unit * b.count, 0);
  const head = `${"address".padStart(10)} ${"bytes".padStart(9)}  ${"name".padEnd(28)} ${moments} moments`;
  const region = `${to - from} bytes from ${from} to ${to}`;
  const foot = `${rows.length} buffers of ${sum} bytes in ${region}; ${plan.bytes} bytes in all`;
  return [head, ...rows, foot].map(printable).join("\n");
}
