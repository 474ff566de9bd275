/** What ends a command early, besides the errors of the library. */

/** Ctrl-C. The reason of the signal that every verb passes on. */
export class Interrupted extends Error {
  override readonly name = "AbortError";

  constructor(kept?: string) {
    super(kept ? `interrupted; ${kept}` : "interrupted");
  }
}

/** Options that make no sense together: the exit code is 2, as for an unknown one. */
export class WrongUsage extends Error {
  override readonly name = "WrongUsage";
}

/** The first line of a message, whatever it was. */
export const oneLine = (error: unknown): string => {
  const message = error instanceof Error ? error.message || error.name : String(error);
  return message.trim().replace(/\s*\n\s*/g, " ");
};
