/** Escapes untrusted texts in a page: names of layers, labels and files may contain anything. */
import { printable } from "../base/printable.ts";

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Escapes a text for HTML or XML, in an element or a quoted attribute. */
export const escaped = (text: string): string => printable(text).replace(/[&<>"']/g, c => ENTITIES[c]!);
