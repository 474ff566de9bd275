/** Buffers and calls made by hand, for tests of what comes after lowering. */
import { flat } from "../../src/kernels/layout.ts";
import type { Buffer, BufferKind, Call } from "../../src/plan/lower.ts";

export const buffer = (name: string, kind: BufferKind = "temp", more: Partial<Buffer> = {}): Buffer => ({
  name,
  kind,
  unit: 64,
  count: 1,
  image: 0,
  step: 0,
  layout: flat,
  value: undefined,
  data: undefined,
  bytes: 64,
  from: -1,
  to: -1,
  at: 0,
  ...more,
});

export interface CallParts {
  reads?: readonly Buffer[];
  writes?: readonly Buffer[];
  split?: boolean;
  once?: boolean;
}

/** Makes a call of kernel `number`; its arguments are the buffers it reads, then those it writes. */
export function call(number: number, { reads = [], writes = [], split = false, once = false }: CallParts): Call {
  const address = (role: string) => (_: Buffer, i: number) => ({ name: `a${i}`, role });
  return {
    kernel: "zero",
    form: { number, args: [...reads.map(address("<")), ...writes.map(address(">"))] },
    args: [...reads, ...writes].map(b => ({ buffer: b, offset: 0 })),
    split,
    reads,
    writes,
    node: {} as Call["node"], // planning reads it for messages alone
    once,
  };
}
