/**
 * Callbacks that watch a measure, by Keras' rules: early stopping, checkpoints, lower learning rates on a plateau; and
 * a CSV log.
 */
import { integer, knownOptions, naming, number, oneOf, show, wrongType } from "../base/errors.ts";
import type { TypedArray } from "../base/shape.ts";
import { saveFile } from "../container/index.ts";
import type { Callback, TrainingContext } from "./callbacks.ts";
import { writeCheckpoint } from "./checkpoint.ts";
import type { Logs } from "./history.ts";

/**
 * Direction of improvement: smaller or larger. `auto`: larger for names with accuracy or top-k, smaller for all others.
 */
export type Mode = "auto" | "min" | "max";

interface Watch {
  /** A name in the history, such as "valLoss" (the default) or "valAccuracy". */
  monitor?: string;
  mode?: Mode;
}

/** True if `value` is better than `best` by more than `minDelta`. */
type Better = (value: number, best: number, minDelta?: number) => boolean;

function watched({ monitor = "valLoss", mode = "auto" }: Watch): { monitor: string; better: Better; worst: number } {
  if (typeof monitor !== "string") throw wrongType("monitor", "the name of a measure", monitor);
  oneOf("mode", mode, ["auto", "min", "max"]);
  const max = mode === "max" || (mode === "auto" && /accuracy|top\d/i.test(monitor));
  return {
    monitor,
    better: (value, best, minDelta = 0) => (max ? value - minDelta > best : value + minDelta < best),
    worst: max ? -Infinity : Infinity,
  };
}

/** Returns the watched measure of an epoch, or throws an error that lists the available ones. */
function measure(watcher: string, logs: Logs, monitor: string): number {
  const value = logs[monitor];
  if (value !== undefined) return value;
  const names = Object.keys(logs);
  const validated = names.some(name => VALIDATED.test(name));
  const missing = VALIDATED.test(monitor) && !validated ? ", as fit was given no validation" : "";
  throw new RangeError(`${watcher}: "monitor" expected one of ${names.join(", ")}${missing}, got ${show(monitor)}`);
}

/** Matches the names of validation measures. */
const VALIDATED = /^val[A-Z]/;

export interface EarlyStoppingOptions extends Watch {
  /** A change counts as an improvement if it is larger than this. Default 0. */
  minDelta?: number;
  /** Number of epochs in a row without improvement that are tolerated. Default 0. */
  patience?: number;
  /** A value to be passed within `patience` epochs. Default: none. */
  baseline?: number;
  /** Restores the weights of the best epoch at the end, whether it was stopped or not. Default true, unlike Keras. */
  restoreBestWeights?: boolean;
  /** Number of first epochs that are ignored. Default 0. */
  startFromEpoch?: number;
}

/** Stops when the watched measure has not improved for `patience` epochs. Keras: EarlyStopping. */
export function earlyStopping(options: EarlyStoppingOptions = {}): Callback {
  return naming("earlyStopping", () => {
    knownOptions("earlyStopping", options, [
      "monitor",
      "mode",
      "minDelta",
      "patience",
      "baseline",
      "restoreBestWeights",
      "startFromEpoch",
    ]);
    const { minDelta = 0, patience = 0, baseline, restoreBestWeights = true, startFromEpoch = 0 } = options;
    const { monitor, better, worst } = watched(options);
    number("minDelta", minDelta, { min: 0 });
    integer("patience", patience, 0);
    if (baseline !== undefined) number("baseline", baseline);
    integer("startFromEpoch", startFromEpoch, 0);
    let wait = 0;
    let best = worst;
    let weights: Map<string, TypedArray> | undefined;
    const keep = (context: TrainingContext) => {
      if (restoreBestWeights) weights = new Map(context.weights().map(name => [name, context.read(name)]));
    };
    return {
      onTrainBegin() {
        wait = 0;
        best = worst;
        weights = undefined;
      },
      onEpochEnd(epoch, logs, context) {
        if (epoch < startFromEpoch) return;
        const value = measure("earlyStopping", logs, monitor);
        if (!weights) keep(context);
        wait++;
        if (better(value, best, minDelta)) {
          best = value;
          keep(context);
          if (baseline === undefined || better(value, baseline, minDelta)) wait = 0;
        } else if (wait >= patience && epoch > 0) context.stop();
      },
      onTrainEnd(context) {
        weights?.forEach((values, name) => {
          context.write(name, values);
        });
      },
    };
  });
}

export interface ModelCheckpointOptions extends Watch {
  /** The file to write, replaced each time. */
  path?: string;
  /** Alternative: a function that receives the bytes, for a store or a list. */
  write?: (bytes: Uint8Array<ArrayBuffer>, at: { epoch: number; logs: Logs }) => void | Promise<void>;
  /** Makes the bytes. Default: a whole checkpoint, for `readCheckpoint` and `fit`'s `resume`. */
  bytes?: (context: TrainingContext) => Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>>;
  /** Writes only if the watched measure is the best so far. Default false. */
  saveBestOnly?: boolean;
}

/** Writes after every epoch, or after the best ones. Keras: ModelCheckpoint. */
export function modelCheckpoint(options: ModelCheckpointOptions): Callback {
  return naming("modelCheckpoint", () => {
    if (options === undefined)
      throw wrongType("modelCheckpoint", "options: path or write, bytes, saveBestOnly", options);
    knownOptions("modelCheckpoint", options, ["monitor", "mode", "path", "write", "bytes", "saveBestOnly"]);
    const { path, bytes = context => writeCheckpoint(context.checkpoint()), saveBestOnly = false } = options;
    const write = path === undefined ? options.write : (file: Uint8Array) => saveFile(path, file);
    if (path !== undefined && options.write !== undefined)
      throw new TypeError('"modelCheckpoint" expected path or write, got both');
    if (typeof write !== "function") throw wrongType("modelCheckpoint", "a path, or a function write of bytes", write);
    const { monitor, better, worst } = watched(options);
    let best = worst;
    return {
      async onEpochEnd(epoch, logs, context) {
        if (saveBestOnly) {
          const value = measure("modelCheckpoint", logs, monitor);
          if (!better(value, best)) return;
          best = value;
        }
        await write(await bytes(context), { epoch, logs });
      },
    };
  });
}

export interface PlateauOptions extends Watch {
  /** Factor of the learning rate. Default 0.1. */
  factor?: number;
  /** Number of epochs in a row without improvement that are tolerated. Default 10. */
  patience?: number;
  /** A change counts as an improvement if it is larger than this. Default 1e-4. */
  minDelta?: number;
  /** Epochs after a reduction that are ignored. Default 0. */
  cooldown?: number;
  /** Lower bound of the learning rate. Default 0. */
  minLearningRate?: number;
}

/**
 * Lowers the learning rate when the watched measure stops improving. It overrides the optimizer's schedule from then
 * on. Keras: ReduceLROnPlateau.
 */
export function reduceLearningRateOnPlateau(options: PlateauOptions = {}): Callback {
  return naming("reduceLearningRateOnPlateau", () => {
    knownOptions("reduceLearningRateOnPlateau", options, [
      "monitor",
      "mode",
      "factor",
      "patience",
      "minDelta",
      "cooldown",
      "minLearningRate",
    ]);
    const { factor = 0.1, patience = 10, minDelta = 1e-4, cooldown = 0, minLearningRate = 0 } = options;
    number("factor", factor, { min: 0, below: 1 });
    integer("patience", patience, 0);
    number("minDelta", minDelta, { min: 0 });
    integer("cooldown", cooldown, 0);
    number("minLearningRate", minLearningRate, { min: 0 });
    const { monitor, better, worst } = watched(options);
    let best = worst;
    let wait = 0;
    let cooling = 0;
    return {
      onTrainBegin() {
        best = worst;
        wait = 0;
        cooling = 0;
      },
      onEpochEnd(_, logs, context) {
        const value = measure("reduceLearningRateOnPlateau", logs, monitor);
        if (cooling > 0) {
          cooling--;
          wait = 0;
        }
        if (better(value, best, minDelta)) {
          best = value;
          wait = 0;
        } else if (cooling === 0 && ++wait >= patience && context.learningRate > minLearningRate) {
          context.learningRate = Math.max(context.learningRate * factor, minLearningRate);
          cooling = cooldown;
          wait = 0;
        }
      },
    };
  });
}

/** Writes one line of comma-separated values per epoch, after a line of names. Keras: CSVLogger. */
export function csvLogger(write: (line: string) => void): Callback {
  return naming("csvLogger", () => {
    if (typeof write !== "function") throw wrongType("write", "a function of a line", write);
    let names: string[] | undefined;
    return {
      onEpochEnd(epoch, logs) {
        if (!names) {
          names = Object.keys(logs);
          write(["epoch", ...names].join(","));
        }
        write([epoch, ...names.map(name => logs[name] ?? "")].join(","));
      },
    };
  });
}
