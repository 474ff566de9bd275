/** Initializers by name, as options such as `kernelInitializer` take them. */
import { wrongType, wrongValue } from "../base/errors.ts";
import {
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  type Initializer,
  ones,
  randomNormal,
  randomUniform,
  zeros,
} from "./initializers.ts";

const BY_NAME = {
  glorotUniform: glorotUniform(),
  glorotNormal: glorotNormal(),
  heUniform: heUniform(),
  heNormal: heNormal(),
  zeros: zeros(),
  ones: ones(),
  randomNormal: randomNormal(),
  randomUniform: randomUniform(),
} as const satisfies Record<string, Initializer>;

/** Initializers that can be given as strings, each with its default options. */
export type InitializerName = keyof typeof BY_NAME;

/** Values of an option such as `kernelInitializer`. */
export type InitializerOption = InitializerName | Initializer;

/** Checks the option of an initializer. */
export function initializerOf(what: string, option: unknown, usual: InitializerName): Initializer {
  if (option === undefined) return BY_NAME[usual];
  if (typeof option === "function") return option as Initializer;
  const expected = `an initializer or one of ${Object.keys(BY_NAME).join(", ")}`;
  if (typeof option !== "string") throw wrongType(what, expected, option);
  if (!Object.hasOwn(BY_NAME, option)) throw wrongValue(what, expected, option);
  return BY_NAME[option as InitializerName];
}
