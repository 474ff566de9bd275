/** Measures of a training by epoch. */

/** Measures by name: `loss`, `accuracy`, `valLoss`, `learningRate` ... */
export type Logs = Readonly<Record<string, number>>;

/** Progress of a training: after every slice, and after every epoch. */
export interface Progress {
  /** Counted from 0. */
  epoch: number;
  epochs: number;
  /** Steps done of this epoch, and their total. */
  step: number;
  steps: number;
  /** Means over the epoch so far. */
  loss: number;
  accuracy?: number;
  /** All means; those of validation too, once they are known. */
  logs: Logs;
  /** Training rows per second. */
  imagesPerSecond: number;
  /** Seconds of training left, without validation. */
  secondsLeft: number;
}

/** "accuracy" measured on validation data: "valAccuracy". */
export const validationName = (name: string): string => `val${name[0]!.toUpperCase()}${name.slice(1)}`;

/** Result of `fit`: `history.history.valAccuracy[epoch]`, and as a table by `String(history)`. */
export class History {
  /** Numbers of the epochs, counted from 0. */
  readonly epoch: number[] = [];
  /** One number per epoch and measure. */
  readonly history: Record<string, number[]> = {};

  add(epoch: number, logs: Logs): void {
    this.epoch.push(epoch);
    for (const [name, value] of Object.entries(logs)) {
      this.history[name] ??= [];
      this.history[name].push(value);
    }
  }

  /** For `JSON.stringify`: the measures, without the checkpoint that `fit` attaches. */
  toJSON(): Pick<History, "epoch" | "history"> {
    return { epoch: this.epoch, history: this.history };
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  /** A small table; epochs are shown counted from 1. */
  toString(): string {
    const names = Object.keys(this.history);
    const rows = this.epoch.map((epoch, i) => [
      String(epoch + 1),
      ...names.map(name => shown(this.history[name]![i] ?? NaN)),
    ]);
    const table = [["epoch", ...names], ...rows];
    const widths = table[0]!.map((_, column) => Math.max(...table.map(row => row[column]!.length)));
    return table.map(row => row.map((cell, column) => cell.padStart(widths[column]!)).join("  ")).join("\n");
  }
}

const shown = (value: number): string =>
  value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(2) : value.toFixed(4);
