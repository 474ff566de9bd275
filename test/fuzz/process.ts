/** A process that runs trials, one after another, and notifies its parent before and after each. */
import { published, sources } from "./library.ts";
import { trial } from "./trial.ts";

/** From the parent: the seeds to try, `from`, `from + step` ... below `to`. */
export interface Task {
  readonly from: number;
  readonly to: number;
  readonly step: number;
  /** A URL, if bundles are tested. */
  readonly bundles: string | undefined;
}

/** To the parent, after each trial. */
export interface Told {
  readonly seed: number;
  readonly refused: string | undefined;
  readonly faults: Awaited<ReturnType<typeof trial>>["faults"];
  /** Processor time, so that other programs do not count. */
  readonly milliseconds: number;
  /** Peak memory of the process, in bytes. */
  readonly peak: number;
}

// `on`, not `once`: it keeps the event loop from being empty. Node 20 then waits for its compiler threads, which may
// wait for it.
process.on("message", async ({ from, to, step, bundles }: Task) => {
  const library = bundles ? await published(bundles) : await sources();
  process.send!("ready");
  for (let seed = from; seed < to; seed += step) {
    const began = process.cpuUsage();
    const { refused, faults } = await trial(seed, library);
    const { user, system } = process.cpuUsage(began);
    const told: Told = {
      seed,
      refused,
      faults,
      milliseconds: (user + system) / 1000,
      peak: process.resourceUsage().maxRSS * 1024,
    };
    await new Promise(resolve => process.send!(told, resolve));
  }
  process.disconnect();
});
