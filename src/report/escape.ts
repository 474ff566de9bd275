/** Texts of strangers in a page: names of layers, labels and files may hold anything. */
import { printable } from "../base/printable.ts";

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** The text as HTML or XML shows it, in an element or a quoted attribute. */
export const escaped = (text: string): string => printable(text).replace(/[&<>"']/g, c => ENTITIES[c]!);
