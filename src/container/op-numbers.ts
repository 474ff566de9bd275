/** The ops a file may contain, by number: those whose meaning `stored` is a record. */
import { refused } from "../graph/meaning.ts";
import { arity } from "../graph/operand.ts";
import { STORED as RECORDS } from "../ops/index.ts";
import type { OpNumbers, StoredOp } from "./stored.ts";

export const STORED: OpNumbers = /* @__PURE__ */ byNumber();

function byNumber(): OpNumbers {
  const numbers: Record<number, StoredOp> = {};
  for (const record of Object.values(RECORDS))
    if (!refused(record)) numbers[record.number] = { parameters: [], ...record, inputs: arity(record.op.takes) };
  return numbers;
}
