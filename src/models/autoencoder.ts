/**
 * The autoencoder of MLPerf Tiny (anomaly detection; the baseline of DCASE 2020, task 2): what it cannot give back is unusual.
 *
 *     640 - 4 x dense 128 - dense 8 - 4 x dense 128 - dense 640: 269 992 parameters, 0.26 million MACs
 */
import { knownOptions } from "../base/errors.ts";
import { type BuildOptions, batchNormalization, dense, type Model, relu, sequential } from "../model/index.ts";

/** `seed`: what the initial weights follow from. Default 0. */
export function autoencoder(options: BuildOptions = {}): Model {
  knownOptions("autoencoder", options, ["seed", "name"]);
  const [wide, narrow, length] = [128, 8, 640];
  const units = [wide, wide, wide, wide, narrow, wide, wide, wide, wide];
  return sequential(
    [
      ...units.flatMap((n, i) => [
        dense({ units: n, ...(i === 0 && { inputShape: [length] }) }),
        batchNormalization(),
        relu(),
      ]),
      dense({ units: length }),
    ],
    { name: "autoencoder", ...options },
  );
}
