/**
 * Lifetimes -> offsets. Largest buffer first, each at the lowest gap that is free for its whole life.
 * Not optimal (that is NP-complete), decent in practice.
 */
import { roundUp } from "../base/shape.ts";

export interface Slot {
  bytes: number;
  /** First and last moment it is in use, both included. */
  from: number;
  to: number;
  /** The offset, once placed. */
  at: number;
}

const ALIGN = 64;

/** Places every slot at or above `base`; gives the end of the highest. */
export function placeSlots(slots: readonly Slot[], base: number): number {
  let top = base;
  const placed: Slot[] = []; // by offset
  for (const slot of [...slots].sort((a, b) => b.bytes - a.bytes)) {
    let at = base;
    for (const other of placed)
      if (other.from <= slot.to && slot.from <= other.to) {
        if (at + slot.bytes <= other.at) break;
        at = Math.max(at, roundUp(other.at + other.bytes, ALIGN));
      }
    slot.at = at;
    const behind = placed.findIndex(other => other.at > at);
    placed.splice(behind < 0 ? placed.length : behind, 0, slot);
    top = Math.max(top, at + slot.bytes);
  }
  return top;
}
