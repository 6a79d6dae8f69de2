import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import axe from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Result } from "../../src/schema/result.ts";
import { built } from "../support/build.ts";
import { command, words } from "../support/command.ts";
import { HANGS_MS } from "../support/program.ts";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  existsSync,
);
/** .ci/run installs a browser and says so: there nothing may be skipped. */
const MUST_RUN = process.env["BROWSER_TESTS"] === "must-run";

test.skipIf(!MUST_RUN)("a browser is there where its tests must run", () => {
  expect(CHROMIUM).toBeDefined();
});

const title =
  CHROMIUM === undefined
    ? "the page in a browser (skipped: no chromium in /usr/bin; apt-get install -y chromium brings it)"
    : "the page in a browser";

const WIDE = { width: 1280, height: 900 };
const LARGEST_PAGE = 700_000;

describe.skipIf(CHROMIUM === undefined)(title, () => {
  let folder: string;
  let browser: Browser;

  const hostile = `</script><script>alert(1)</script><img src=x onerror="alert(2)"> '"\u202eleft`;

  /** Writes a page and gives its address. */
  async function report(name: string, argv: readonly string[], stdin = ""): Promise<string> {
    const path = join(folder, name);
    const { code, stderr } = await command(["report", ...argv, "-o", path], { stdin });
    if (code !== 0) throw new Error(stderr);
    return pathToFileURL(path).href;
  }

  beforeAll(async () => {
    built();
    folder = mkdtempSync(join(tmpdir(), "page-"));
    browser = await chromium.launch({
      executablePath: CHROMIUM!,
      args: [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
    await report("default.html", []);
  });

  afterAll(async () => {
    await browser?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });

  /** What a page asked for besides itself, and what it complained about. */
  interface Opened {
    readonly page: Page;
    readonly requests: string[];
    readonly complaints: string[];
  }

  async function open(address: string, options: BrowserContextOptions = {}): Promise<Opened> {
    const context = await browser.newContext({ viewport: WIDE, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(HANGS_MS);
    const requests: string[] = [];
    const complaints: string[] = [];
    page.on("request", (request) => {
      if (!/^(file|blob):/.test(request.url())) requests.push(request.url());
      else if (request.url().startsWith("file:") && !request.isNavigationRequest())
        requests.push(request.url());
    });
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("dialog", async (dialog) => {
      complaints.push(`dialog: ${dialog.message()}`);
      await dialog.dismiss();
    });
    await page.goto(address);
    await page.waitForSelector("#page[data-ready]");
    return { page, requests, complaints };
  }

  const home = (): string => pathToFileURL(join(folder, "default.html")).href;

  async function withPage(
    address: string,
    use: (opened: Opened) => Promise<void>,
    options?: BrowserContextOptions,
  ): Promise<void> {
    const opened = await open(address, options);
    try {
      await use(opened);
    } finally {
      await opened.page.context().close();
    }
  }

  const text = async (page: Page, selector: string): Promise<string> =>
    (await page.textContent(selector)) ?? "";

  /** The view after everything that it asked for has been drawn. */
  async function settled(page: Page): Promise<void> {
    // the page draws in the next frame: only then it is busy
    await page.evaluate(
      () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 150))),
    );
    await page.waitForFunction(() => document.querySelector(".pending") === null);
  }

  test("is one file of less than 440 KB", () => {
    expect(statSync(join(folder, "default.html")).size).toBeLessThan(LARGEST_PAGE);
  });

  test("opens without a request and without a complaint, also after it has been used", async () => {
    await withPage(home(), async ({ page, requests, complaints }) => {
      await page.fill("#control-hidden", "2048");
      await page.selectOption("#control-phase", "decode");
      await settled(page);
      expect(requests).toEqual([]);
      expect(complaints).toEqual([]);
    });
  });

  test("shows the headline before its script has run", async () => {
    await withPage(home(), async () => {});
    const context = await browser.newContext({ javaScriptEnabled: false, viewport: WIDE });
    const page = await context.newPage();
    await page.goto(home());
    expect(await text(page, "#headline")).toMatch(/^Normalization is 0\.01% of FLOPs and 1\.2% of runtime/);
    expect(await page.locator(".claim").count()).toBe(8);
    expect(await page.locator(".dot").count()).toBe(11);
    await context.close();
  });

  test("changes headline, chart and table when hidden and batch move", async () => {
    await withPage(home(), async ({ page }) => {
      const snapshot = async (): Promise<readonly string[]> => [
        await text(page, "#headline"),
        await text(page, "#live-share"),
        await page.locator("#roofline svg.chart").last().innerHTML(),
        await text(page, "#operator-table"),
        await text(page, "#command"),
        await page.locator("#alternatives svg").innerHTML(),
      ];
      const different = (a: readonly string[], b: readonly string[]): boolean[] =>
        a.map((part, index) => part !== b[index]);
      const before = await snapshot();
      await page.fill("#control-hidden", "1024");
      await settled(page);
      const narrow = await snapshot();
      expect(different(before, narrow)).toEqual(before.map(() => true));
      await page.fill("#control-batch", "8");
      await settled(page);
      const large = await snapshot();
      expect(different(narrow, large)).toEqual(large.map(() => true));
    });
  });

  /** Full-precision figures that the table holds. */
  const figures = (page: Page): Promise<Record<string, number[]>> =>
    page.evaluate(() =>
      Object.fromEntries(
        [...document.querySelectorAll("#operator-table tbody tr, #operator-table tfoot tr")].map((row) => [
          row.getAttribute("data-operator") ?? "layer",
          [...row.querySelectorAll("[data-value]")].map((cell) => Number(cell.getAttribute("data-value"))),
        ]),
      ),
    );

  const printedFigures = ({ operators, layer }: Result): Record<string, number[]> =>
    Object.fromEntries([
      ...operators.map((one) => [
        one.name,
        [
          one.flops,
          one.hbmReadBytes + one.hbmWriteBytes,
          one.arithmeticIntensity,
          one.seconds,
          one.shareOfTime,
        ],
      ]),
      ["layer", [layer.flops, layer.hbmBytes, layer.flops / layer.hbmBytes, layer.seconds, 1]],
    ]);

  /** Engines of JavaScript differ in the last digit of a power; nothing else may differ. */
  function expectSame(page: Record<string, number[]>, printed: Record<string, number[]>): void {
    expect(Object.keys(page).sort()).toEqual(Object.keys(printed).sort());
    for (const [name, values] of Object.entries(printed))
      values.forEach((value, index) => {
        expect(Math.abs(page[name]![index]! - value), name).toBeLessThanOrEqual(1e-12 * value);
      });
  }

  test.each([
    "",
    "hidden=2688&norm=layernorm:eager",
    "model=gpt2-xl&phase=decode&batch=4",
    "model=qwen3-8b&phase=train&runtime=eager&pointwise=fused",
    "tensor-parallel=8&hardware=h200-sxm&sequence=512",
    "hardware=v100-sxm2-32gb&precision=fp16",
  ])("has the numbers of the command that it names: %s", async (flags) => {
    const fragment = flags === "" ? "" : `#scenario=llama-3-70b-prefill-h100&${flags}`;
    await withPage(`${home()}${fragment}`, async ({ page }) => {
      await settled(page);
      const [, ...line] = words(await text(page, "#command"));
      const { stdout } = await command([...line, "--json"]);
      expectSame(await figures(page), printedFigures(JSON.parse(stdout) as Result));
      const shown = (await command(line)).stdout.replace(/\s+/g, " ");
      expect(shown).toContain(await text(page, "#headline"));
    });
  });

  test("holds its view in the address, and comes back to it", async () => {
    await withPage(home(), async ({ page }) => {
      await page.fill("#control-hidden", "4096");
      await page.selectOption("#control-norm-implementation", "eager");
      await page.waitForFunction(() => location.hash.includes("norm"));
      expect(page.url()).toMatch(/#scenario=llama-3-70b-prefill-h100&hidden=4096&norm=:eager$/);
      const headline = await text(page, "#headline");
      const address = page.url();
      await withPage(address, async ({ page: other }) => {
        await other.waitForFunction(
          (wanted) => document.querySelector("#headline")?.textContent === wanted,
          headline,
        );
        expect(await other.inputValue("#control-hidden")).toBe("4096");
        expect(await other.inputValue("#control-norm-implementation")).toBe("eager");
      });
      await page.click("text=Start over");
      await page.waitForFunction(() => location.hash === "");
      expect(await page.inputValue("#control-hidden")).toBe("8192");
    });
  });

  test("leads to where normalization takes 25%", async () => {
    await withPage(home(), async ({ page }) => {
      expect(await text(page, "#reach-answers")).toMatch(
        /Op-by-op LayerNorm takes 25% or more below hidden \d+/,
      );
      await page.click("button:has-text('Go there')");
      await page.waitForFunction(
        () => Number.parseFloat(document.querySelector("#live-share")?.textContent ?? "") >= 25,
      );
      expect(await page.inputValue("#control-norm-implementation")).toBe("eager");
      expect(await text(page, "#headline")).toMatch(/and 25\.\d% of runtime/);
      await settled(page);
      expect(await text(page, "#reach-answers")).toMatch(/You are there\./);
    });
  });

  test("has its verdicts in columns, also where one has no figure", async () => {
    for (const width of [1280, 360])
      await withPage(
        `${home()}#scenario=llama-3-70b-prefill-h100&phase=train`,
        async ({ page }) => {
          await page.waitForSelector(".verdicts b:last-child");
          const lefts = await page.evaluate(() =>
            [...document.querySelectorAll(".verdicts li")].map((row) =>
              [...row.children].map((cell) => Math.round(cell.getBoundingClientRect().left)),
            ),
          );
          const [first] = lefts.filter(({ length }) => length === 3);
          for (const row of lefts) expect(row).toEqual(first!.slice(0, row.length));
        },
        { viewport: { width, height: 780 } },
      );
  });

  test("says what is wrong with a view that has no layer, and keeps the last one", async () => {
    await withPage(home(), async ({ page, complaints }) => {
      const headline = await text(page, "#headline");
      const view = page.url();
      const line = await text(page, "#command");
      for (const [typed, got] of [
        ["0", "0"],
        ["", "nothing"],
        ["1e400", "nothing"],
      ] as const) {
        await page.fill("#control-batch", typed);
        const problem = `batch: expected a whole number of at least 1, got ${got}`;
        await page.waitForFunction(
          (wanted) => document.querySelector("#problems")?.textContent?.includes(wanted),
          problem,
        );
        expect(await text(page, "#headline")).toBe(headline);
        expect(await text(page, "#command")).toBe(line);
        expect(page.url()).toBe(view);
      }
      await page.fill("#control-batch", "2");
      await page.waitForSelector("#problems li", { state: "detached" });
      expect(await text(page, "#headline")).not.toBe(headline);
      expect(complaints).toEqual([]);
    });
  });

  test.each([
    "#scenario=no-such&hidden=99999999999999",
    "#model=constructor&hardware=__proto__",
    "#norm=<img src=x onerror=alert(1)>",
    "#%E0%A4%A=&&=&hidden",
  ])("survives the address %s", async (fragment) => {
    await withPage(`${home()}${fragment}`, async ({ page, complaints, requests }) => {
      await page.selectOption("#control-phase", "decode");
      await page.fill("#control-batch", "3");
      expect(await text(page, "#headline")).toMatch(/^Normalization is/);
      expect(complaints).toEqual([]);
      expect(requests).toEqual([]);
    });
  });

  test("tells a dot's figures on hover and on keyboard focus", async () => {
    await withPage(home(), async ({ page }) => {
      await page.hover('.dot[data-operator="activation"]');
      expect(await text(page, "#tip")).toMatch(/^activation \(pointwise\).*\d µs.*FLOP\/B/);
      expect(await page.isVisible("#tip")).toBe(true);
      await page.mouse.move(0, 0);
      await page.focus('.dot[data-operator="ffn-norm"]');
      expect(await text(page, "#tip")).toMatch(/^ffn-norm \(normalization\)/);
      expect(await page.locator("tr.lit").getAttribute("data-operator")).toBe("ffn-norm");
      await page.keyboard.press("Escape");
      expect(await page.isVisible("#tip")).toBe(false);
    });
  });

  test("sorts its table", async () => {
    await withPage(home(), async ({ page }) => {
      const first = (): Promise<string | null> =>
        page.locator("#operator-table tbody tr").first().getAttribute("data-operator");
      await page.click('[data-sort="seconds"]');
      expect(await first()).toBe("gate-up-projection");
      expect(await page.locator("th[aria-sort]").getAttribute("aria-sort")).toBe("descending");
      await page.click('[data-sort="seconds"]');
      expect(await first()).not.toBe("gate-up-projection");
      await page.click('[data-sort="seconds"]');
      expect(await first()).toBe("attention-norm");
    });
  });

  test("is reached whole by the keyboard alone", async () => {
    await withPage(home(), async ({ page }) => {
      const wanted = await page.evaluate(() =>
        [
          ...document.querySelectorAll<HTMLElement>(
            "a[href], button, select, input:not(:disabled), summary, .dot, [tabindex='0']",
          ),
        ].map((one, index) => {
          one.dataset["stop"] = String(index);
          return String(index);
        }),
      );
      const reached = new Set<string>();
      for (let step = 0; step < wanted.length + 20; step++) {
        await page.keyboard.press("Tab");
        const stop = await page.evaluate(
          () => (document.activeElement as HTMLElement | null)?.dataset["stop"],
        );
        if (stop !== undefined) reached.add(stop);
      }
      expect(wanted.filter((stop) => !reached.has(stop))).toEqual([]);
    });
  });

  test("skips to its controls without leaving the view", async () => {
    await withPage(`${home()}#scenario=llama-3-70b-prefill-h100&batch=4`, async ({ page }) => {
      await page.waitForFunction(() =>
        document.querySelector("#scenario-title")?.textContent?.includes("4 ×"),
      );
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      expect(await page.evaluate(() => document.activeElement?.id)).toBe("main-controls");
      expect(page.url()).toMatch(/batch=4$/);
      expect(await text(page, "#scenario-title")).toMatch(/prefill 4 ×/);
    });
  });

  test("moves a slider with the arrow keys, every time", async () => {
    await withPage(home(), async ({ page }) => {
      await page.focus('[data-slider="batch"]');
      const seen: string[] = [];
      for (let step = 0; step < 5; step++) {
        const before = await page.inputValue("#control-batch");
        await page.keyboard.press("ArrowRight");
        await page.waitForFunction(
          (old) => document.querySelector<HTMLInputElement>("#control-batch")!.value !== old,
          before,
        );
        seen.push(await page.inputValue("#control-batch"));
      }
      expect(seen).toEqual(["2", "3", "4", "5", "6"].slice(0, seen.length).map(() => expect.any(String)));
      expect([...seen].map(Number)).toEqual([...seen].map(Number).sort((a, b) => a - b));
    });
  });

  test("opens a claim by keyboard, and keeps it open while the numbers move", async () => {
    await withPage(home(), async ({ page }) => {
      await page.focus(".claim summary");
      await page.keyboard.press("Enter");
      expect(await page.locator(".claim[open]").count()).toBe(1);
      await page.hover('.dot[data-operator="activation"]');
      await page.click('[data-sort="flops"]');
      expect(await page.locator(".claim[open]").count()).toBe(1);
    });
  });

  test("copies the command and the scenario, which gives the same numbers", async () => {
    await withPage(
      `${home()}#scenario=llama-3-70b-prefill-h100&hidden=4096&batch=2`,
      async ({ page }) => {
        const copied = async (button: string): Promise<string> => {
          await page.click(`text=${button}`);
          await page.waitForFunction(() => document.querySelector("#copied")?.textContent !== "");
          return page.evaluate(() => navigator.clipboard.readText());
        };
        expect(await copied("Copy the command")).toBe(
          "norm-roofline run llama-3-70b-prefill-h100 --batch 2 --hidden 4096",
        );
        const stdin = await copied("Copy the scenario as JSON");
        const { stdout } = await command(["run", "-", "--json"], { stdin });
        expectSame(await figures(page), printedFigures(JSON.parse(stdout) as Result));
      },
      { permissions: ["clipboard-read", "clipboard-write"] },
    );
  });

  test("keeps hostile names as text", async () => {
    const gpt2 = JSON.parse(readFileSync("models/gpt2-xl.json", "utf8")) as object;
    const path = join(folder, "evil.json");
    const named = { ...gpt2, name: hostile, source: hostile };
    writeFileSync(
      path,
      JSON.stringify({
        description: hostile,
        model: named,
        hardware: "h100-sxm",
        workload: { phase: "decode", context: 64 },
        normalization: {
          implementation: [
            { name: hostile.slice(0, 60), reads: ["activation"], writes: ["activation"], flopsPerElement: 1 },
          ],
        },
      }),
    );
    await withPage(await report("evil.html", [path]), async ({ page, complaints, requests }) => {
      await page.fill("#control-batch", "2");
      await page.waitForFunction(() => location.hash.includes("batch=2"));
      expect(await text(page, "#scenario-title")).toContain("</script><script>alert(1)</script>");
      expect(await text(page, "#scenario-title")).not.toContain("\u202e");
      expect(await page.locator("img").count()).toBe(0);
      expect(await page.locator("script").count()).toBe(2);
      expect(complaints).toEqual([]);
      expect(requests).toEqual([]);
    });
  });

  test("holds several scenarios, and the flags that the command was given", async () => {
    const address = await report("two.html", [
      "llama-3-70b-prefill-h100",
      "llama-3-70b-decode-h100",
      "--norm",
      "layernorm:eager",
    ]);
    await withPage(address, async ({ page }) => {
      expect(await text(page, "#command")).toBe(
        "norm-roofline run llama-3-70b-prefill-h100 --norm layernorm:eager",
      );
      await page.selectOption("#control-scenario", "1");
      await page.waitForFunction(() => location.hash.includes("decode"));
      expect(await text(page, "#scenario-title")).toMatch(/decode batch 16/);
      const [, ...line] = words(await text(page, "#command"));
      const { stdout } = await command([...line, "--json"]);
      expectSame(await figures(page), printedFigures(JSON.parse(stdout) as Result));
    });
  });

  test.each([
    [360, "light"],
    [768, "dark"],
    [1280, "light"],
  ] as const)("fits %d pixels: nothing reaches beyond the edge (%s)", async (width, colorScheme) => {
    await withPage(
      home(),
      async ({ page }) => {
        const beyond = await page.evaluate(() => {
          const edge = document.documentElement.clientWidth;
          const all = [...document.querySelectorAll("#page *")].filter(
            (one) => one.closest(".scroll") === null,
          );
          return all
            .filter(
              (one) =>
                one.getBoundingClientRect().right > edge + 1 && getComputedStyle(one).position !== "absolute",
            )
            .map((one) => `${one.tagName} ${one.textContent?.slice(0, 40)}`);
        });
        expect(beyond).toEqual([]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
        await page.fill("#control-hidden", "1024");
        await page.waitForFunction(() => location.hash.includes("hidden=1024"));
        expect(await text(page, "#headline")).toMatch(/of runtime/);
      },
      { viewport: { width, height: 780 }, colorScheme },
    );
  });

  test("has no two labels of its chart over each other, as the browser draws them", async () => {
    const address = `${home()}#scenario=llama-3-70b-prefill-h100&model=qwen3-8b&phase=train&sequence=512`;
    await withPage(address, async ({ page }) => {
      await page.waitForFunction(() => document.querySelectorAll(".dot").length > 20);
      const overlaps = await page.evaluate(() => {
        const labels = [...document.querySelectorAll("#roofline .labels text")].map((one) => ({
          text: one.textContent,
          box: one.getBoundingClientRect(),
        }));
        return labels.flatMap((a, index) =>
          labels
            .slice(index + 1)
            .filter(
              (b) =>
                a.box.left < b.box.right - 1 &&
                b.box.left < a.box.right - 1 &&
                a.box.top < b.box.bottom - 3 &&
                b.box.top < a.box.bottom - 3,
            )
            .map((b) => `${a.text} over ${b.text}`),
        );
      });
      expect(overlaps).toEqual([]);
    });
  });

  test.each([
    ["light", ""],
    ["dark", ""],
    ["light", "#scenario=llama-3-70b-prefill-h100&tensor-parallel=7"],
    ["dark", "#scenario=llama-3-70b-prefill-h100&phase=train&norm=layernorm:eager"],
  ] as const)("has no serious fault that axe-core finds (%s, %s)", async (colorScheme, fragment) => {
    await withPage(
      `${home()}${fragment}`,
      async ({ page }) => {
        // axe comes by the debugger's door, which the page's policy does not guard
        await page.evaluate(axe.source);
        const faults = await page.evaluate(async () => {
          const { violations } = await (
            globalThis as unknown as { axe: typeof import("axe-core") }
          ).axe.run();
          return violations
            .filter(({ impact }) => impact === "serious" || impact === "critical")
            .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`);
        });
        expect(faults).toEqual([]);
      },
      { colorScheme },
    );
  });
});
