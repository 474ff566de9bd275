/** Networks that commands read: .penjing files, and .tflite files as they are. */
import { readSource } from "../base/source.ts";
import { loadModel, type Model } from "../model/index.ts";

/** "TFL3", as flatbuffers have it behind their first word. */
const TFLITE = [0x54, 0x46, 0x4c, 0x33];

export const ANY_NETWORK = "a .penjing or .tflite file";

/** The model in a file of either kind, by what its bytes say. Errors: as of `loadModel` and `loadTflite`. */
export async function networkIn(path: string, signal: AbortSignal): Promise<Model> {
  const { bytes } = await readSource(path, signal);
  if (!TFLITE.every((byte, i) => bytes[4 + i] === byte)) return loadModel(path, { signal });
  const { loadTflite } = await import("../formats/tflite/index.ts");
  return loadTflite(path, { signal });
}
