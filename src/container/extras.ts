/** What a file may say of a network besides what runs. */
export interface Extras {
  /** The network's name. */
  name?: string;
  /** One name for each class. */
  labels?: readonly string[];
  preprocessing?: Preprocessing;
  /** Anything JSON can say: who made it, from what, how good it is. */
  metadata?: Record<string, unknown>;
}

/** The JSON object in a file. */
export interface Description extends Extras {
  /** What a reader would call a layer or leaf -> what it is called, where the two differ. */
  names?: Record<string, string>;
}

/** How a picture becomes an input: x = scale * stored + offset, or (scale * stored - mean) / std for each channel. */
export interface Preprocessing {
  scale?: number;
  offset?: number;
  mean?: readonly number[];
  std?: readonly number[];
  /** Order of the axes the network was trained with. Default: "NHWC". */
  layout?: "NHWC" | "NCHW";
}
