/** The float network that commands train on or quantize. */
import { PenjingError, show } from "../base/errors.ts";
import type { Model } from "../model/index.ts";
import { networkIn } from "./network.ts";

/**
 * Loads the model in a file. Throws a PenjingError that names the file if its weights are int8 already; `verb` is for
 * the message.
 */
export async function floatModel(path: string, verb: string, signal: AbortSignal): Promise<Model> {
  const model = await networkIn(path, signal);
  if (model.kind === "integer")
    throw new PenjingError(
      "quantized",
      `${show(path)} is quantized already: ${verb} the float network it was made of`,
      {
        path,
      },
    );
  return model;
}
