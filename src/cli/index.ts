#!/usr/bin/env node
/** The command `penjing`: what belongs to the process, its streams, signals and exit code; the rest is in main.ts. */
import { Interrupted } from "./errors.ts";
import { main } from "./main.ts";
import { Terminal } from "./terminal.ts";

const interrupt = new AbortController();
// once: a second Ctrl-C ends the process at once
process.once("SIGINT", () => interrupt.abort(new Interrupted()));
process.once("SIGTERM", () => interrupt.abort(new Interrupted()));
// a reader such as `head` may close the pipe early
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

main(process.argv.slice(2), new Terminal(process.stdout, process.stderr, interrupt.signal)).then(code => {
  process.exitCode = code;
});
