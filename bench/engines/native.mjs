/** Times of Python's runtimes on the same files, in a separate process: reported, but not included in the ratio. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = path => fileURLToPath(new URL(`../native/${path}`, import.meta.url));

/** Returns { network: { batch: { "litert-native": us, openvino: us } } }; empty without a Python that has them. */
export function nativeTimes(networks, milliseconds) {
  const own = here(".venv/bin/python");
  const python = process.env.PENJING_BENCH_PYTHON ?? (existsSync(own) ? own : "python3");
  const tasks = networks.map(({ name, path, batches }) => ({ name, path, batches }));
  try {
    const input = JSON.stringify({ milliseconds, tasks });
    const text = execFileSync(python, [here("measure.py")], {
      input,
      encoding: "utf8",
      stdio: ["pipe", "pipe", "ignore"],
    });
    return JSON.parse(text.trim().split("\n").at(-1));
  } catch {
    return {};
  }
}
