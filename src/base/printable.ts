/**
 * Text of strangers, as a terminal may show it: names, labels and paths from a file could otherwise move the cursor, recolour the screen or
 * forge a line of output.
 */

/** Control characters (C0, DEL, C1), line and paragraph separators, marks that turn the writing direction, halves of surrogate pairs. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** One line without control characters: ESC becomes the six characters `\u001b`, as JSON writes it. All other text stays as it is. */
export const printable = (text: string): string =>
  text.replace(UNPRINTABLE, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
