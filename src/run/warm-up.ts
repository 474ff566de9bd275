/**
 * Engines compile WebAssembly twice: immediately by a baseline compiler, then by an optimizing one after enough calls.
 * Until then a network takes three to six times as long: measured with LeNet-5, for the first 100 (V8 13) to 700 (V8
 * 11) images.
 */

/** Milliseconds of running between two pauses, short enough for a page to stay responsive. */
const SLICE = 2;

/** Slices in a row without improvement after which the engine is considered done. */
const PATIENCE = 20;

/** Maximum milliseconds of running: large networks are warm after few runs. */
const LIMIT = 1000;

/**
 * Runs in slices, and yields to the event loop between them: `runs` times, or until the runs no longer become faster.
 */
export async function warmUp(run: () => void, runs: number | true): Promise<void> {
  let left = runs === true ? Infinity : runs;
  let least = Infinity;
  let spent = 0;
  for (let idle = 0; left > 0 && (runs !== true || (idle < PATIENCE && spent < LIMIT)); ) {
    await new Promise<void>(resolve => setTimeout(resolve));
    const before = least;
    const began = performance.now();
    let now = began;
    do {
      run();
      left--;
      const after = performance.now();
      least = Math.min(least, after - now);
      now = after;
    } while (left > 0 && now - began < SLICE);
    spent += now - began;
    idle = least < 0.95 * before ? 0 : idle + 1;
  }
}
