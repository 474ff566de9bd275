/**
 * Places buffers by their lifetimes: largest first, each at the lowest gap that is free for its whole lifetime. Not
 * optimal (that is NP-complete), decent in practice. It takes quadratic time: above `MANY` buffers they are placed in
 * order of time instead, in linear time.
 */
import { roundUp } from "../base/shape.ts";

export interface Slot {
  bytes: number;
  /** First and last moment of its lifetime, both included. */
  from: number;
  to: number;
  /** The offset, once placed. */
  at: number;
}

const ALIGN = 64;
/** Above this number placement is in order of time; the largest networks have fewer buffers. */
const MANY = 4096;
/** Gaps that are tried for one buffer by `placeInTime`. */
const GAPS = 64;

/** Places every slot at or above `base`; returns the end of the highest. */
export const placeSlots = (slots: readonly Slot[], base: number): number =>
  slots.length > MANY ? placeInTime(slots, base) : placeBySize(slots, base);

/** @internal */
export function placeBySize(slots: readonly Slot[], base: number): number {
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

interface Gap {
  at: number;
  end: number;
}

/**
 * Places slots in order of their first moments, each in the most recently freed gap that holds it, else above all
 * others. @internal
 */
export function placeInTime(slots: readonly Slot[], base: number): number {
  const order = [...slots].sort((a, b) => a.from - b.from);
  const ending = [...slots].sort((a, b) => a.to - b.to);
  const gaps: Gap[] = [];
  let top = base;
  let ended = 0;
  for (const slot of order) {
    for (; ending[ended]!.to < slot.from; ended++) {
      const { at, bytes } = ending[ended]!;
      const end = roundUp(at + bytes, ALIGN);
      const last = gaps.at(-1);
      if (last?.end === at) last.end = end;
      else gaps.push({ at, end });
    }
    let found = gaps.length - 1;
    while (found >= 0 && found >= gaps.length - GAPS && gaps[found]!.end - gaps[found]!.at < slot.bytes) found--;
    const gap = found >= gaps.length - GAPS ? gaps[found] : undefined;
    if (gap) {
      slot.at = gap.at;
      gap.at = roundUp(gap.at + slot.bytes, ALIGN);
      if (gap.at >= gap.end) gaps.splice(found, 1);
    } else {
      slot.at = top;
      top = roundUp(top + slot.bytes, ALIGN);
    }
  }
  return top;
}
