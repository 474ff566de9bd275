/** Layers of a network, as options name them. */
import type { Command } from "commander";

export interface LayersOptions {
  layers?: string[];
}

export const layersOption = (command: Command, which: string): Command =>
  command.option("--layers <names>", `only these layers, with commas between them (default: ${which})`, text =>
    text.split(",").map(name => name.trim()),
  );
