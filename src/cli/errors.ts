/** Errors that end a command early, besides those of the library. */

/** Signals of the system that end a command, and their numbers. */
export const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** A signal of the system, such as that of Ctrl-C: the reason of the AbortSignal that every command passes on. */
export class Interrupted extends Error {
  override readonly name = "AbortError";
  readonly by: keyof typeof SIGNALS;

  /** `kept`: says what was saved of the work so far. */
  constructor(by: keyof typeof SIGNALS = "SIGINT", kept?: string) {
    super(kept ? `interrupted; ${kept}` : "interrupted");
    this.by = by;
  }

  /** The shell convention for a process ended by a signal. */
  get exitCode(): number {
    return 128 + SIGNALS[this.by];
  }
}

/** Exit code of a command whose reader closed the pipe: that of a process ended by SIGPIPE, 13. */
export const BROKEN_PIPE = 128 + 13;

/** Options that exclude each other: the exit code is 2, as for an unknown one. */
export class WrongUsage extends Error {
  override readonly name = "WrongUsage";
}

/** The first line of an error's message, whatever was thrown. */
export const oneLine = (error: unknown): string => {
  const message = error instanceof Error ? error.message || error.name : String(error);
  return message.trim().replace(/\s*\n\s*/g, " ");
};
