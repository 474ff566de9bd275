import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { escaped } from "../../src/report/escape.ts";
import { type PageBlock, page } from "../../src/report/index.ts";
import { expectSelfContained } from "./self-contained.ts";

const KNOWN = new Set(
  "!doctype html head meta title style body main h1 h2 p section dl div dt dd figure figcaption footer"
    .split(" ")
    .concat(["table", "thead", "tbody", "tr", "th", "td"])
    .map(name => `<${name}`),
);

describe("page", () => {
  test("has a title, sections and their blocks in order", () => {
    const text = page({
      title: "One",
      summary: "in short",
      sections: [
        { blocks: [{ figures: [["bytes", "1,234"]] }] },
        { title: "Two", blocks: [{ text: "words" }, { svg: "<svg></svg>", caption: "a picture" }] },
      ],
    });
    expectSelfContained(text);
    const parts = ["<title>One</title>", "<h1>One</h1>", "in short", "<dt>bytes</dt><dd>1,234</dd>", "<h2>Two</h2>"];
    const places = [...parts, "<p>words</p>", "<figure><svg></svg><figcaption>a picture"].map(part =>
      text.indexOf(part),
    );
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places).not.toContain(-1);
    expect(text).toContain("@media print");
  });

  test("tables: numbers to the right with thousands apart, empty cells, tints", () => {
    const text = page({
      title: "",
      sections: [
        {
          blocks: [
            {
              table: {
                heads: ["name", "count", "share", "words"],
                rows: [
                  ["a", 1234567, "98.5 %", "1 of 2"],
                  ["b", 0.1234567, undefined, "x"],
                ],
                shade: (row, column) => (row === 0 && column === 1 ? 0.5 : undefined),
              },
            },
          ],
        },
      ],
    });
    expectSelfContained(text);
    const tint = "background:color-mix(in srgb,var(--series-2) 30%,transparent)";
    expect(text).toContain(`<td>a</td><td class="number" style="${tint}">1,234,567</td>`);
    expect(text).toContain('<td>b</td><td class="number">0.1234567</td><td class="number"></td><td>x</td>');
    expect(text).toContain('<th scope="col" class="number">share</th><th scope="col">words</th>');
  });

  test("law: texts of strangers stay texts, wherever they stand", () => {
    const stranger = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "<script>alert(1)</script>",
        '"><img src=x onerror=y>',
        "</style>",
        "&lt;",
        "\u001b[31m",
        "a\u202eb",
      ),
    );
    fc.assert(
      fc.property(stranger, text => {
        const blocks: PageBlock[] = [
          { text },
          { figures: [[text, text]] },
          { table: { heads: [text], rows: [[text]] } },
          { svg: "", caption: text },
        ];
        const written = page({ title: text, summary: text, sections: [{ title: text, blocks }] });
        const tags = written.match(/<\/?[!\w]+/g)!.map(tag => tag.replace("/", ""));
        expect(tags.filter(tag => !KNOWN.has(tag))).toEqual([]);
        for (const odd of ["\u001b", "\u202e"]) expect(written).not.toContain(odd);
      }),
      { numRuns: 30 },
    );
    expect(escaped(`<&'">\u0007`)).toBe("&lt;&amp;&#39;&quot;&gt;\\u0007");
  });
});
