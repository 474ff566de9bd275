/** What Python's runtimes make of the same files, in a process of their own: reported, not among the rivals a ratio is about. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = path => fileURLToPath(new URL(`../native/${path}`, import.meta.url));

/** { network: { batch: { "litert-native": us, openvino: us } } }; empty where there is no Python with them. */
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
