/**
 * The autoencoder of MLPerf Tiny (anomaly detection; the baseline of DCASE 2020, task 2): inputs that it reconstructs
 * badly are anomalous.
 *
 *     640 - 4 x dense 128 - dense 8 - 4 x dense 128 - dense 640: 269 992 parameters, 0.26 million MACs
 */
import { batchNormalization, dense, type Model, relu, sequential } from "../model/index.ts";
import { type ReferenceOptions, referenceOptions, widths } from "./options.ts";

export interface AutoencoderOptions extends ReferenceOptions {
  /** Widths of the eight wide layers and of the narrow one between them. Default [128, 8]. */
  units?: readonly [wide: number, narrow: number];
}

/** The output has the size of `inputShape` (default [640]). `seed`: of the initial weights. Default 0. */
export function autoencoder(options: AutoencoderOptions = {}): Model {
  const { own, build } = referenceOptions("autoencoder", options, { inputShape: [640], units: [128, 8] as const });
  const [length] = own.inputShape as [number];
  const [wide, narrow] = widths("units", own.units, 2) as [number, number];
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
    build,
  );
}
