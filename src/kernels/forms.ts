/**
 * The signatures of the kernels of one binary, for planning. scripts/generate.ts makes the text from the kernel table,
 * since the table itself, which includes the kernels of training, would be a fifth of the code that a page loads to run
 * a network.
 *
 *     ;zero y>bytes,;permute n,x<y>index<; ... ;
 *
 * Kernels are in the order of their numbers, arguments in order, each with the mark of its role.
 *
 * Marks: `,` a number, `~` a float, `#` the number of images; addresses: `<` read, `>` written, `=` read and written.
 */
import type { KernelName } from "./table.ts";

/**
 * Bytes that may be read or written past the end of any argument of a kernel: the limit of overRead and overWrite in
 * all rows.
 */
export const SLACK = 128;

/** The instruction that ends a program. */
export const END = 0;

/**
 * Instruction numbers below are control: 0 end, 1 loop, 2 next. The kernels of a binary are numbered from here, in the
 * order of the table.
 */
export const FIRST_KERNEL = 4;

export interface Form {
  /** Its number in programs of this binary. */
  readonly number: number;
  /** In order; `role` is the mark. */
  readonly args: readonly { readonly name: string; readonly role: string }[];
}

/** Parsed forms of each text, by name, for all later networks. */
const known = new Map<string, Map<KernelName, Form>>();

export function formOf(kernels: string, kernel: KernelName): Form {
  const forms = known.get(kernels) ?? new Map<KernelName, Form>();
  const form = forms.get(kernel) ?? read(kernels, kernel);
  known.set(kernels, forms.set(kernel, form));
  return form;
}

function read(kernels: string, kernel: KernelName): Form {
  const at = kernels.indexOf(`;${kernel} `);
  const number = kernels.slice(0, at).split(";").length + FIRST_KERNEL - 1;
  const from = at + kernel.length + 2;
  const marked = kernels.slice(from, kernels.indexOf(";", from)).match(/\w+./g)!;
  return { number, args: marked.map(arg => ({ name: arg.slice(0, -1), role: arg.at(-1)! })) };
}

export const namesOf = (kernels: string): KernelName[] => kernels.match(/\w+(?= )/g) as KernelName[];
