/** What ends a command early, besides the errors of the library. */

/** Signals of the system that end a command, and their numbers. */
export const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** A signal of the system, such as that of Ctrl-C: the reason of the AbortSignal that every verb passes on. */
export class Interrupted extends Error {
  override readonly name = "AbortError";
  readonly by: keyof typeof SIGNALS;

  /** `kept`: what became of the work so far. */
  constructor(by: keyof typeof SIGNALS = "SIGINT", kept?: string) {
    super(kept ? `interrupted; ${kept}` : "interrupted");
    this.by = by;
  }

  /** As shells tell that a signal ended a process. */
  get exitCode(): number {
    return 128 + SIGNALS[this.by];
  }
}

/** Exit code of a command whose reader closed the pipe: that of a process ended by SIGPIPE, 13. */
export const BROKEN_PIPE = 128 + 13;

/** Options that make no sense together: the exit code is 2, as for an unknown one. */
export class WrongUsage extends Error {
  override readonly name = "WrongUsage";
}

/** The first line of a message, whatever it was. */
export const oneLine = (error: unknown): string => {
  const message = error instanceof Error ? error.message || error.name : String(error);
  return message.trim().replace(/\s*\n\s*/g, " ");
};
