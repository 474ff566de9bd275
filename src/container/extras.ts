/** Descriptive data in a file, which does not affect how the network runs. */
export interface Extras {
  /** The network's name. */
  name?: string;
  /** One name for each class. */
  labels?: readonly string[];
  preprocessing?: Preprocessing;
  /** Any JSON: author, origin, accuracy. */
  metadata?: Record<string, unknown>;
}

/** The JSON object in a file. */
export interface Description extends Extras {
  /** Default name of a layer or leaf -> its name, if the two differ. */
  names?: Record<string, string>;
  /** Name of a kernel -> its axis order for users, if it is not that of the op that reads it. Running needs none. */
  layouts?: unknown;
}

/**
 * The conversion of pixels to inputs: x = scale * stored + offset, or (scale * stored - mean) / std for each channel.
 */
export interface Preprocessing {
  scale?: number;
  offset?: number;
  mean?: readonly number[];
  std?: readonly number[];
  /** Order of the axes the network was trained with. Default: "NHWC". */
  layout?: "NHWC" | "NCHW";
}
