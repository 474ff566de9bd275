/**
 * How the kernels of one binary are called, as far as planning needs to know. scripts/generate.ts makes the text from
 * the kernel table, since the table itself, with the kernels of training in it, would be a fifth of what a page that
 * runs a network loads.
 *
 *     ;zero y>bytes,;permute n,x<y>index<; ... ;      kernels in the order of their numbers; arguments in order, each with the mark of its role
 *
 * Marks: `,` a number, `~` a float, `#` how many images; addresses: `<` read, `>` written, `=` read and written.
 */
import type { KernelName } from "./table.ts";

/** Bytes that may be read or written past the end of whatever a kernel gets: no row's overRead or overWrite is more. */
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

/** Of each text, by name: what is taken apart once serves all later networks. */
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
