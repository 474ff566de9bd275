/**
 * Escapes untrusted text for a terminal: names, labels and paths from a file could otherwise move the cursor, change
 * colours or forge a line of output.
 */

/**
 * Control characters (C0, DEL, C1), line and paragraph separators, bidirectional control characters, lone surrogates.
 */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** Escapes control characters: ESC becomes the six characters `\u001b`, as in JSON. All other text is unchanged. */
export const printable = (text: string): string =>
  text.replace(UNPRINTABLE, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
