/** Reads values from a machine's memory, for training and debugging: `penjing/run` reads its results in place. */
import { BYTES, type DType, size, type TypedArray, view } from "../base/shape.ts";
import type { BufferRef } from "../plan/lower.ts";
import type { Machine } from "./machine.ts";

/** Returns the logical contents of a state leaf. */
export function readState(machine: Machine, name: string): TypedArray {
  const { value, layout } = machine.leaf(name);
  const { shape } = value!.type;
  const stored = machine.stored(name);
  const logical = stored.slice(0, size(shape));
  if (layout.name !== "flat")
    layout.map!(shape).forEach((at, p) => {
      if (at >= 0) logical[at] = stored[p]!;
    });
  return logical;
}

/** The stored elements of a result: row i begins at i * `row`. */
export function resultOf(
  machine: Machine,
  { buffer, offset }: BufferRef,
  dtype: DType,
): { data: TypedArray; row: number } {
  const data = view(dtype, machine.memory.buffer, buffer.at + offset, (buffer.unit * buffer.count) / BYTES[dtype]);
  return { data, row: buffer.unit / BYTES[dtype] };
}

/** Fills the temporaries with NaN, for tests: no program may depend on their old contents. */
export function poison({ memory, plan }: Machine): void {
  const { from, to } = plan.temporary;
  new Uint32Array(memory.buffer, from, (to - from) >> 2).fill(0x7fc00000);
}
