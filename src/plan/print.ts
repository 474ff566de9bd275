/** Programs and arenas as text. */

import type { Buffer } from "./lower.ts";
import type { Plan, Program } from "./plan.ts";

/** One line a kernel call, arguments by name, the layer behind a semicolon: what *prepare* and *run* do. */
export const printProgram = (program: Program): string => program.text;

/** Characters of the map from the first call to the last. */
const WIDTH = 64;

/**
 * The temporaries of one program as a map: a row for each buffer from the lowest address up, a column for each moment
 * (calls of the tiled loops share one), `#` while the buffer is in use. Two rows may show the same addresses, never at the same moment.
 *
 *     address   bytes  name            0 ............. 41
 *      790528   12544  %26             ####
 */
export function printArena(plan: Plan, program: Program): string {
  const { from, to } = plan.temporary;
  const lives = program.lives;
  const moments = Math.max(1, ...[...lives.values()].map(([, last]) => last + 1));
  const columns = Math.min(WIDTH, moments);
  const column = (moment: number) => Math.floor((moment * columns) / moments);
  const row = (b: Buffer, [first, last]: readonly [number, number]) => {
    const bar = Array.from({ length: columns }, (_, c) => (c >= column(first) && c <= column(last) ? "#" : " ")).join(
      "",
    );
    return `${String(b.at).padStart(10)} ${String(b.unit * b.count).padStart(9)}  ${b.name.slice(0, 28).padEnd(28)} ${bar.trimEnd()}`;
  };
  const rows = [...lives]
    .sort(([a], [b]) => a.at - b.at || b.unit * b.count - a.unit * a.count)
    .map(([b, life]) => row(b, life));
  const sum = [...lives.keys()].reduce((n, b) => n + b.unit * b.count, 0);
  const head = `${"address".padStart(10)} ${"bytes".padStart(9)}  ${"name".padEnd(28)} ${moments} moments`;
  const foot = `${rows.length} buffers of ${sum} bytes in ${to - from} bytes from ${from} to ${to}; ${plan.bytes} bytes in all`;
  return [head, ...rows, foot].join("\n");
}
