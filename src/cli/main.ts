/**
 * Runs a command by its name and returns the exit code: 0, 1 for an error, 2 for wrong usage, above 128 if a signal or
 * a closed pipe ended it. An error is one line on stderr.
 */
import { createRequire } from "node:module";
import { Command, CommanderError } from "commander";
import { show } from "../base/errors.ts";
import { BROKEN_PIPE, Interrupted, oneLine, WrongUsage } from "./errors.ts";
import type { Terminal } from "./terminal.ts";

interface Verb {
  /** Adds arguments, options and the action. */
  define(command: Command, terminal: Terminal): void;
}

/** Commands are imported on demand: `penjing --help` loads none of the library. */
const VERBS: readonly (readonly [name: string, summary: string, load: () => Promise<Verb>])[] = [
  ["demo", "make LeNet-5 on MNIST small in every way there is, and compare", () => import("./demo.ts")],
  ["train", "train a network and save it", () => import("./train.ts")],
  ["evaluate", "measure a saved network on the test images", () => import("./evaluate.ts")],
  ["prune", "prune a saved network while it is trained on", () => import("./prune.ts")],
  ["slim", "remove channels of a saved network, and train it on", () => import("./slim.ts")],
  ["cluster", "make the weights of a saved network share a few values, and train it on", () => import("./cluster.ts")],
  ["quantize", "make a saved network int8", () => import("./quantize.ts")],
  ["sensitivity", "show how much each layer of a network bears", () => import("./sensitivity.ts")],
  ["compare", "show two networks beside each other", () => import("./compare.ts")],
  ["convert", "read a TensorFlow Lite network and save it", () => import("./convert.ts")],
  ["inspect", "show what is in a file, layer by layer", () => import("./inspect.ts")],
  ["profile", "show where the time and the memory of one image go", () => import("./profile.ts")],
  ["predict", "classify pictures", () => import("./predict.ts")],
  ["bench", "measure the kernels and LeNet-5 on this machine", () => import("./bench.ts")],
];

export async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  const code = await run(argv, terminal);
  const failure = await terminal.failure();
  if (!failure || code) return code;
  // `penjing ... | head` is not an error to report
  if (failure.code === "EPIPE") return BROKEN_PIPE;
  const reason = failure.code === "ENOSPC" ? "the disk is full" : oneLine(failure);
  terminal.error(`penjing: cannot write to stdout: ${reason}`);
  return 1;
}

/** Rewrites `help train` to `train --help`. */
function withoutHelp(argv: readonly string[]): readonly string[] {
  const [first, verb, ...more] = argv;
  if (first !== "help") return argv;
  if (verb === undefined) return ["--help"];
  if (!VERBS.some(([name]) => name === verb)) throw new WrongUsage(`unknown command ${show(verb)}`);
  if (more.length) throw new WrongUsage("too many arguments for 'help': expected the name of one command");
  return [verb, "--help"];
}

async function run(given: readonly string[], terminal: Terminal): Promise<number> {
  const program = new Command("penjing")
    .description("Train small neural networks, make them smaller, and run them fast.")
    .version(version())
    .exitOverride()
    .configureOutput({
      writeOut: text => terminal.print(...text.trimEnd().split("\n")),
      // errors are printed below, as one line
      writeErr: () => {},
    });
  let used = "penjing";
  try {
    const argv = withoutHelp(given);
    for (const [name, summary, load] of VERBS) {
      const command = program.command(name).description(summary);
      if (argv[0] !== name) continue;
      used = `penjing ${name}`;
      (await load()).define(command.option("--json", "print one JSON document"), terminal);
    }
    if (argv.length === 0) throw new WrongUsage(`expected a command: ${VERBS.map(([name]) => name).join(", ")}`);
    await program.parseAsync(argv, { from: "user" });
    // for commands that do not check the signal themselves
    terminal.signal.throwIfAborted();
    return 0;
  } catch (thrown) {
    terminal.endProgress();
    // after an interrupt the error to report is the interrupt, whatever was thrown
    const error = terminal.signal.aborted && !(thrown instanceof Interrupted) ? terminal.signal.reason : thrown;
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const message = oneLine(error).replace(/^error: /, "");
    // a function of the library that is called like the command has named itself
    const twice = `${used.slice("penjing ".length)}: `;
    terminal.error(`${used}: ${message.startsWith(twice) ? message.slice(twice.length) : message}`);
    if (error instanceof Interrupted) return error.exitCode;
    return error instanceof CommanderError || error instanceof WrongUsage ? 2 : 1;
  }
}

const version = (): string => createRequire(import.meta.url)("penjing/package.json").version;
