/** Formats numbers for pages. */

export const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

export const decibels = (sqnr: number): string => (sqnr === Infinity ? "equal" : `${sqnr.toFixed(1)} dB`);

/** "4.5x smaller", "1.2x larger"; undefined if the sizes are nearly the same. */
export function ratio(before: number, after: number): string | undefined {
  const times = (Math.max(before, after) / Math.min(before, after)).toFixed(1);
  return times === "1.0" ? undefined : `${times}x ${after < before ? "smaller" : "larger"}`;
}

/** Separates thousands: 44,426. */
export const grouped = (n: number): string => String(n).replace(/\B(?<!\.\d*)(?=(\d{3})+(?!\d))/g, ",");
