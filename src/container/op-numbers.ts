/** The ops a file may contain, by number: those with a record of the meaning `stored`. */
import { arity } from "../graph/operand.ts";
import type { Stored } from "../graph/stored.ts";
import { STORED as RECORDS } from "../ops/index.ts";
import type { OpNumbers, StoredOp } from "./stored.ts";

export const STORED: OpNumbers = /* @__PURE__ */ byNumber();

function byNumber(): OpNumbers {
  const numbers: Record<number, StoredOp> = {};
  for (const record of Object.values<Stored>(RECORDS))
    numbers[record.number] = { parameters: [], ...record, inputs: arity(record.op.takes) };
  return numbers;
}
