/** Shows the progress of a training: one line that is updated on a terminal, elsewhere a line per epoch. */
import { noArguments } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import { nodeModule } from "../base/source.ts";
import type { Callback } from "./callbacks.ts";
import type { Logs, Progress } from "./history.ts";

/** A bar of the package cli-progress. */
interface Bar {
  start(total: number, at: number, payload: object): void;
  update(at: number, payload: object): void;
  stop(): void;
}

interface CliProgress {
  SingleBar: new (options: object, preset: object) => Bar;
  Presets: { rect: object };
}

/** The format of every bar. */
export const BAR = {
  format: "{title} {bar} {percentage}%  {detail}",
  hideCursor: true,
  clearOnComplete: true,
  barsize: 20,
};

/**
 * A bar on stderr if that is a terminal and cli-progress is installed: imported at run time, so that no bundler sees
 * it.
 */
function terminalBar(): Bar | undefined {
  const stream = nodeModule("node:process")?.stderr;
  if (!stream?.isTTY) return undefined;
  try {
    const { SingleBar, Presets } = nodeModule("node:module")!.createRequire(import.meta.url)(
      "cli-progress",
    ) as CliProgress;
    return new SingleBar({ ...BAR, stream }, Presets.rect);
  } catch {
    return undefined;
  }
}

/** Uses stderr in Node, since stdout is for results; the console in a page. */
function writeLine(text: string): void {
  const stream = nodeModule("node:process")?.stderr;
  if (stream) stream.write(`${printable(text)}\n`);
  else console.info(text);
}

const rounded = (value: number): string =>
  value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(2) : value.toFixed(4);

const measures = (logs: Logs): string[] => Object.entries(logs).map(([name, value]) => `${name} ${rounded(value)}`);

/** "epoch 2/5  loss 0.1034  accuracy 0.9712  12000 samples/s  3 s left". */
export function progressText({ epoch, epochs, loss, accuracy, imagesPerSecond, secondsLeft }: Progress): string {
  const parts = [
    `epoch ${epoch + 1}/${epochs}`,
    ...measures({ loss, ...(accuracy !== undefined && { accuracy }) }),
    `${Math.round(imagesPerSecond)} samples/s`,
    `${Math.ceil(secondsLeft)} s left`,
  ];
  return parts.join("  ");
}

/** Shows a training while it runs. `fit(..., { verbose: 1 })` uses it. Keras: ProgbarLogger. */
export function progressBar(...none: []): Callback {
  noArguments("progressBar", none);
  let bar: Bar | undefined;
  let began = 0;
  return {
    onTrainBegin() {
      bar = terminalBar();
      bar?.start(1000, 0, { title: "fit", detail: "" });
    },
    onEpochBegin() {
      began = performance.now();
    },
    onProgress(progress) {
      const { epoch, epochs, step, steps } = progress;
      bar?.update(Math.round((1000 * (epoch + step / steps)) / epochs), {
        title: "fit",
        detail: progressText(progress),
      });
    },
    onEpochEnd(epoch, logs, { epochs }) {
      if (bar) return;
      const seconds = (performance.now() - began) / 1000;
      writeLine([`epoch ${epoch + 1}/${epochs}`, ...measures(logs), `${seconds.toFixed(1)} s`].join("  "));
    },
    onTrainEnd: () => bar?.stop(),
    onTrainError: () => bar?.stop(),
  };
}
