/** Sizes of slices, and the pause after each, in which the page, timers and other work get their turn. */

/** The fraction of the maximum time that a slice aims at: the next steps may be slower than the last ones. */
const AIM = 0.6;

export class Pace {
  readonly #most: number;
  readonly #milliseconds: number;
  #steps = 1;
  #began = 0;

  /** `most`: maximum number of steps; `milliseconds`: maximum time of a slice. A longer step is a slice of its own. */
  constructor(most: number, milliseconds: number) {
    this.#most = most;
    this.#milliseconds = milliseconds;
  }

  /** Starts the clock of the next slice and returns its number of steps. */
  begin(): number {
    this.#began = performance.now();
    return this.#steps;
  }

  /** Ends the slice, which had `steps` steps. */
  end(steps: number): void {
    const each = (performance.now() - this.#began) / steps;
    const fitting = Math.floor((AIM * this.#milliseconds) / Math.max(each, 1e-6));
    this.#steps = Math.max(1, Math.min(this.#most, fitting, 4 * this.#steps));
  }
}

interface Host {
  setImmediate?: (done: () => void) => void;
}

/** Resolves after all waiting tasks had their turn. */
export function turn(): Promise<void> {
  const host = globalThis as Host;
  if (host.setImmediate) return new Promise(done => host.setImmediate!(done));
  // scheduler.yield() continues before timers that are due: measured in Chromium 156, a page's interval had 2 turns in
  // 9 slices. A timer would work, but pages delay those by 4 ms and, in the background, by a second.
  return new Promise(done => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      done();
    };
    port2.postMessage(0);
  });
}
