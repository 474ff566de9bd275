/** Tables of plain text: columns two spaces apart, control characters escaped. */
import { printable } from "./printable.ts";

/**
 * Formats rows as lines. The first row is the head; the first `left` columns are aligned to the left, the others to the
 * right.
 */
export function textTable(rows: readonly (readonly string[])[], left = 1): string {
  const lines = rows.map(row => row.map(printable));
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map(line => line[column]!.length)));
  const cell = (text: string, column: number) =>
    column < left ? text.padEnd(widths[column]!) : text.padStart(widths[column]!);
  return lines.map(line => line.map(cell).join("  ").trimEnd()).join("\n");
}
