/** Checks the JSON object in a file, which is untrusted. */
import { number, oneOf } from "../base/errors.ts";
import type { Description, Extras, Preprocessing } from "./extras.ts";

/**
 * Picks the known keys of `json` and ignores others. Throws a TypeError or RangeError for a value of the wrong kind.
 */
export function describe(json: unknown): { names: Record<string, string>; layouts: unknown; extras: Extras } {
  const { names = {}, layouts, name, labels, preprocessing, metadata } = object("description", json) as Description;
  if (name !== undefined && typeof name !== "string") throw new TypeError("the name is no text");
  if (labels !== undefined && !(Array.isArray(labels) && labels.every(label => typeof label === "string")))
    throw new TypeError("labels are no list of texts");
  for (const [usual, name] of Object.entries(object("names", names)))
    if (typeof name !== "string") throw new TypeError(`the name of "${usual}" is no text`);
  return {
    names,
    layouts,
    extras: {
      ...(name !== undefined && { name }),
      ...(labels && { labels }),
      ...(preprocessing !== undefined && { preprocessing: checked(preprocessing) }),
      ...(metadata !== undefined && { metadata: object("metadata", metadata) }),
    },
  };
}

function object(what: string, value: unknown): Record<string, unknown> {
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw new TypeError(`${what} is no object`);
  return value as Record<string, unknown>;
}

function checked(preprocessing: Preprocessing): Preprocessing {
  for (const [key, value] of Object.entries(object("preprocessing", preprocessing))) {
    const what = `preprocessing.${key}`;
    if (key === "layout") oneOf(what, value, ["NHWC", "NCHW"]);
    else if (key === "scale" || key === "offset") number(what, value);
    else if ((key === "mean" || key === "std") && Array.isArray(value)) for (const v of value) number(what, v);
    else throw new TypeError(`"${what}" is nothing that is known here`);
  }
  return preprocessing;
}
