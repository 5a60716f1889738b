import { mkdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Browser, chromium, type Page } from "playwright-core";

/**
 * Pictures of every screen, to be looked at: both themes, a desk and a phone.
 *   node dev/screenshots.ts --url http://127.0.0.1:9998 --out /tmp/pictures [--only agents,live] [--theme dark] [--width 390]
 */
const { values: flags } = parseArgs({
  options: {
    url: { type: "string", default: "http://127.0.0.1:9998" },
    out: { type: "string", default: "/tmp/pictures" },
    only: { type: "string" },
    theme: { type: "string" },
    width: { type: "string" },
    language: { type: "string", default: "en" },
    username: { type: "string", default: "admin" },
    password: { type: "string", default: "a password" },
    chromium: { type: "string", default: "/usr/bin/chromium" },
  },
});

interface Shot {
  readonly name: string;
  readonly path: string;
  /** What to do before the picture is taken. */
  readonly prepare?: (page: Page) => Promise<void>;
}

/** An input of the mock that fell back to its last good text. */
const INPUT = "dkinput_cq3f9k8s4t0000000007";

async function firstId(page: Page, noun: string, query = ""): Promise<string> {
  const answer = await page.request.get(`${flags.url}/fleet/v1/${noun}?limit=1${query}`);
  const { items } = (await answer.json()) as { items: { id: string }[] };
  return items[0]?.id ?? "none";
}

async function listShots(page: Page): Promise<Shot[]> {
  const [agent, command, done, run, group] = [
    await firstId(page, "agents"),
    await firstId(page, "commands"),
    await firstId(page, "commands", "&status=completed"),
    await firstId(page, "runs").catch(() => "none"),
    await firstId(page, "groups"),
  ];
  return [
    { name: "overview", path: "/" },
    { name: "agents", path: "/agents" },
    {
      name: "agents-selected",
      path: "/agents?labels=role%3Dweb",
      prepare: async (at) => {
        await at.getByRole("grid").focus();
        for (const key of ["ArrowDown", "x", "ArrowDown", "ArrowDown", "x"]) await at.keyboard.press(key);
      },
    },
    { name: "agents-none", path: "/agents?q=nothing-like-this" },
    {
      name: "add-host",
      path: "/agents/add",
      prepare: (at) => at.getByRole("dialog").getByRole("button").last().click(),
    },
    { name: "live", path: `/agents/${agent}/live`, prepare: (at) => at.waitForTimeout(2500) },
    { name: "history", path: `/agents/${agent}/history` },
    { name: "agent-runs", path: `/agents/${agent}/runs` },
    { name: "inputs", path: `/agents/${agent}/inputs` },
    {
      name: "inputs-selected",
      path: `/agents/${agent}/inputs`,
      prepare: async (at) => {
        await at.getByRole("grid").focus();
        for (const key of ["ArrowDown", "x", "ArrowDown", "ArrowDown", "x"]) await at.keyboard.press(key);
      },
    },
    { name: "input-add", path: `/agents/${agent}/inputs/add` },
    { name: "input-new", path: `/agents/${agent}/inputs/add?input=nginx` },
    { name: "input-wrong", path: `/agents/${agent}/inputs/add?input=nginx`, prepare: writeWrong },
    {
      name: "input-tested",
      path: `/agents/${agent}/inputs/${INPUT}`,
      prepare: (at) => at.getByRole("button", { name: /^(Test|试运行)$/ }).click(),
    },
    { name: "input-history", path: `/agents/${agent}/inputs/${INPUT}/history?from=2&to=5` },
    {
      name: "input-rollback",
      path: `/agents/${agent}/inputs/${INPUT}/history`,
      prepare: (at) =>
        at
          .getByRole("button", { name: /(Roll back to|回退到版本) \d/ })
          .first()
          .click(),
    },
    { name: "input-unmanaged", path: `/agents/${agent}/inputs/legacy-prom.conf` },
    { name: "inputs-many", path: "/agents/add-input?labels=role%3Dweb" },
    { name: "inputs-many-text", path: "/agents/add-input?labels=role%3Dweb&input=nginx" },
    { name: "inputs-outcomes", path: "/agents/add-input?labels=role%3Dweb&input=nginx", prepare: addToMany },
    { name: "about", path: `/agents/${agent}/about` },
    { name: "configs", path: "/configs" },
    { name: "configs-none", path: "/configs?q=nothing-like-this" },
    { name: "config-new", path: "/configs/new" },
    { name: "config", path: "/configs/c1" },
    { name: "config-flaw", path: "/configs/c2", prepare: writeFlaw },
    { name: "config-revisions", path: "/configs/c1/revisions?from=2&to=4" },
    { name: "config-groups", path: "/configs/c1/groups" },
    { name: "config-agents", path: "/configs/c1/agents" },
    { name: "config-rollouts", path: "/configs/c1/rollouts" },
    { name: "config-given-to-nobody", path: "/configs/c4/groups" },
    { name: "config-give", path: "/configs/c1/give" },
    { name: "rollout", path: "/rollouts/r1" },
    { name: "rollout-halted", path: "/rollouts/r2" },
    { name: "agent-configs", path: `/agents/${agent}/configs` },
    { name: "commands", path: "/commands" },
    { name: "command-output", path: `/commands/${command}/output`, prepare: (at) => at.waitForTimeout(2500) },
    { name: "command-folds", path: `/commands/${done}/folds` },
    { name: "command-runs", path: `/commands/${done}/runs` },
    { name: "new-command", path: "/commands/new?labels=role%3Dweb" },
    { name: "run", path: `/runs/${run}` },
    { name: "logs", path: "/logs?range=6h" },
    {
      name: "logs-open",
      path: "/logs?q=error",
      prepare: async (at) => {
        for (const index of [0, 2]) await at.locator("[data-index] > button").nth(index).click();
      },
    },
    { name: "logs-none", path: "/logs?range=15m&category=profiling" },
    { name: "groups", path: "/groups" },
    { name: "group", path: `/groups/${group}` },
    { name: "audit", path: "/audit" },
    ...["system", "users", "tokens", "enrollment", "secrets", "password", "api"].map((section) => ({
      name: `settings-${section}`,
      path: `/settings/${section}`,
    })),
    { name: "palette", path: "/", prepare: openPalette },
    { name: "shortcuts", path: "/", prepare: (at) => at.keyboard.press("?") },
    { name: "nowhere", path: "/no/such/page" },
  ];
}

/** Leaves a text that is no JSON any more. */
async function writeFlaw(page: Page): Promise<void> {
  await page.locator(".cm-content").click();
  await page.keyboard.press("Control+End");
  await page.keyboard.type("{}");
  await page.locator(".cm-lintRange-error, .cm-lintPoint-error").first().waitFor();
}

/** Puts a mistake into the text and saves. */
async function writeWrong(page: Page): Promise<void> {
  await page.locator(".cm-content").click();
  await page.keyboard.press("Control+End");
  await page.keyboard.type("wrong = true");
  await page.keyboard.press("Control+s");
  await page.locator('[role="alert"]').waitFor();
}

async function addToMany(page: Page): Promise<void> {
  await page.locator(".cm-content").waitFor();
  await page.keyboard.press("Control+s");
  const dialog = page.getByRole("dialog");
  const count = dialog.getByRole("textbox");
  await dialog.waitFor();
  if ((await count.count()) > 0) await count.fill(((await dialog.textContent()) ?? "").match(/\d+/)?.[0] ?? "");
  await dialog.locator('button[type="submit"]').click();
  await page.getByRole("grid").waitFor();
}

async function openPalette(page: Page): Promise<void> {
  await page.keyboard.press("Control+k");
  await page.keyboard.type("w");
}

async function takeAll(browser: Browser, look: { theme: "dark" | "light"; width: number }): Promise<void> {
  const context = await browser.newContext({
    viewport: { width: look.width, height: look.width < 600 ? 844 : 900 },
    colorScheme: look.theme,
    locale: flags.language === "zh" ? "zh-CN" : "en-GB",
  });
  const page = await context.newPage();
  page.on("pageerror", (error) => process.stdout.write(`  ! ${page.url()}: ${error.message}\n`));
  page.on("console", (message) => {
    if (message.type() === "error") process.stdout.write(`  ! ${page.url()}: ${message.text()}\n`);
  });
  const wanted = flags.only?.split(",");
  const save = (name: string) =>
    page.screenshot({ path: `${flags.out}/${name}-${look.theme}-${look.width}.png`, animations: "disabled" });
  await page.goto(`${flags.url}/login`);
  await page.getByRole("textbox").first().fill(flags.username);
  await page.locator('input[type="password"]').fill(flags.password);
  if (!wanted || wanted.includes("login")) await save("login");
  await page.locator('button[type="submit"]').click();
  await page.waitForURL(`${flags.url}/`);
  for (const shot of await listShots(page)) {
    if (wanted && !wanted.includes(shot.name)) continue;
    await page.goto(`${flags.url}${shot.path}`);
    await page.waitForLoadState("load");
    await page.waitForTimeout(700);
    await shot.prepare?.(page).catch((error: unknown) => process.stdout.write(`  ! ${shot.name}: ${error}\n`));
    await page.waitForTimeout(400);
    await reportOverflow(page, `${shot.name} ${look.width}`);
    await save(shot.name);
  }
  await context.close();
}

/** A page that can be scrolled sideways is broken, whatever the picture shows. */
async function reportOverflow(page: Page, name: string): Promise<void> {
  const wide = await page.evaluate(() => {
    const main = document.getElementById("main");
    const surplus = Math.max(
      document.documentElement.scrollWidth - innerWidth,
      main ? main.scrollWidth - main.clientWidth : 0,
    );
    return surplus;
  });
  if (wide > 0) process.stdout.write(`  ! ${name} is ${wide} px too wide\n`);
}

mkdirSync(flags.out, { recursive: true });
const browser = await chromium.launch({
  executablePath: flags.chromium,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
const themes = (["dark", "light"] as const).filter((theme) => !flags.theme || theme === flags.theme);
const widths = [1440, 390].filter((width) => !flags.width || String(width) === flags.width);
for (const theme of themes) for (const width of widths) await takeAll(browser, { theme, width });
await browser.close();
