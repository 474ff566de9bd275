/** The usual name of what a command makes of a file. */

/** digits.penjing, "pruned" -> digits.pruned.penjing, in the same folder. */
export const beside = (file: string, what: string): string => `${file.replace(/\.penjing$/, "")}.${what}.penjing`;
