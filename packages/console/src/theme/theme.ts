import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from "@mantine/core";

/**
 * Every design decision that is a value: the one place for colours, sizes and radii. CSS reads them as `--m-…`.
 * Text colours keep at least 4.5:1 on every surface of their scheme.
 */
interface Scheme {
  readonly background: string;
  readonly surface: string;
  readonly raised: string;
  readonly sunken: string;
  readonly hover: string;
  readonly border: string;
  readonly "border-strong": string;
  readonly text: string;
  readonly dim: string;
  readonly faint: string;
  readonly accent: string;
  readonly "accent-soft": string;
  readonly ok: string;
  readonly attention: string;
  readonly wrong: string;
  readonly unknown: string;
  /** The same states for shapes and bars, which need 3:1 and may be livelier than text. */
  readonly "ok-fill": string;
  readonly "attention-fill": string;
  readonly "wrong-fill": string;
  readonly "unknown-fill": string;
  readonly "accent-fill": string;
  readonly "ok-soft": string;
  readonly "attention-soft": string;
  readonly "wrong-soft": string;
  readonly "unknown-soft": string;
  readonly grid: string;
  readonly shadow: string;
}

const DARK: Scheme = {
  background: "#0f1115",
  surface: "#15181e",
  raised: "#1b1f27",
  sunken: "#0b0d10",
  hover: "#1d212a",
  border: "#262b35",
  "border-strong": "#3a4150",
  text: "#dde1e9",
  dim: "#9ca5b4",
  faint: "#818b9b",
  accent: "#9aa5ff",
  "accent-soft": "#22274a",
  ok: "#4cc38a",
  attention: "#e0a83e",
  wrong: "#f27a78",
  unknown: "#929cac",
  "ok-fill": "#4cc38a",
  "attention-fill": "#e0a83e",
  "wrong-fill": "#f27a78",
  "unknown-fill": "#929cac",
  "accent-fill": "#8d9bff",
  "ok-soft": "#12291f",
  "attention-soft": "#2b2210",
  "wrong-soft": "#321a1b",
  "unknown-soft": "#20242c",
  grid: "#20252e",
  shadow: "0 8px 28px rgb(0 0 0 / 55%)",
};

const LIGHT: Scheme = {
  background: "#f6f7f9",
  surface: "#ffffff",
  raised: "#ffffff",
  sunken: "#f0f2f5",
  hover: "#eff1f5",
  border: "#e0e3ea",
  "border-strong": "#c3c9d4",
  text: "#1a1e26",
  dim: "#545d6d",
  faint: "#667080",
  accent: "#4650c8",
  "accent-soft": "#eaecfc",
  ok: "#137a4b",
  attention: "#8a5a00",
  wrong: "#c02c2f",
  unknown: "#5f6979",
  "ok-fill": "#1f9d63",
  "attention-fill": "#c98200",
  "wrong-fill": "#d63f42",
  "unknown-fill": "#7c8696",
  "accent-fill": "#5a66de",
  "ok-soft": "#e5f5ec",
  "attention-soft": "#fdf2da",
  "wrong-soft": "#fdebea",
  "unknown-soft": "#eceff3",
  grid: "#e8ebf0",
  shadow: "0 8px 28px rgb(20 26 40 / 16%)",
};

/** Eight series that people with any colour vision tell apart; a host keeps its colour on a page. */
const SERIES_DARK = ["#8d9bff", "#e6a23c", "#54c2b0", "#e08bc0", "#c3c552", "#f5856b", "#7fbfe8", "#c8a27c"];
const SERIES_LIGHT = ["#4650c8", "#b36b00", "#0a8270", "#b0407f", "#74770a", "#c2452a", "#1f78b0", "#85603a"];

/** The sixteen named terminal colours, readable on each scheme's output background. */
const ANSI_DARK =
  "#6b7484 #f27a78 #4cc38a #e0a83e #8d9bff #d98ade #54c2c8 #c9cfd9 #8b94a4 #ff9a97 #7ddcae #f2c56b #b0baff #eab0ee #86dce0 #eef1f6";
const ANSI_LIGHT =
  "#1a1e26 #b3261e #136f45 #855800 #3a45b8 #8a2d8f #0b6c75 #5b6472 #4c5563 #c9372c #1b7f51 #946200 #4c58d6 #a03fa6 #12798a #3d4553";

const INDIGO: MantineColorsTuple = [
  "#eef0ff",
  "#dfe3ff",
  "#bdc5ff",
  "#9aa5ff",
  "#7c88f5",
  "#6370e6",
  "#4f5bd5",
  "#4650c8",
  "#3941a6",
  "#2c3380",
];

const FONT = '"Inter Variable", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", system-ui, sans-serif';
const MONO = '"JetBrains Mono Variable", ui-monospace, "Noto Sans Mono CJK SC", monospace';

/** Mantine's own dark greys in our tint: text, borders, surfaces, background. */
const COOL_DARK: MantineColorsTuple = [
  "#dde1e9",
  "#b6bdc9",
  "#9ca5b4",
  "#818b9b",
  "#303744",
  "#262c37",
  "#15181e",
  "#0f1115",
  "#0b0d10",
  "#08090b",
];

const COOL_GRAY: MantineColorsTuple = [
  "#f6f7f9",
  "#eff1f5",
  "#e8ebf0",
  "#e0e3ea",
  "#c3c9d4",
  "#a9b1bf",
  "#7c8696",
  "#545d6d",
  "#363d4a",
  "#1a1e26",
];

const FLOATING = {
  border: "1px solid var(--m-border-strong)",
  background: "var(--m-raised)",
  boxShadow: "var(--m-shadow)",
};

export const theme = createTheme({
  primaryColor: "indigo",
  primaryShade: { light: 7, dark: 6 },
  colors: { indigo: INDIGO, dark: COOL_DARK, gray: COOL_GRAY },
  fontFamily: FONT,
  fontFamilyMonospace: MONO,
  fontSizes: { xs: "12px", sm: "13px", md: "14px", lg: "16px", xl: "20px" },
  lineHeights: { xs: "16px", sm: "20px", md: "20px", lg: "24px", xl: "28px" },
  spacing: { xs: "4px", sm: "8px", md: "12px", lg: "16px", xl: "24px" },
  radius: { xs: "3px", sm: "4px", md: "6px", lg: "6px", xl: "6px" },
  defaultRadius: "md",
  headings: { fontFamily: FONT, fontWeight: "600" },
  focusRing: "auto",
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    Button: { defaultProps: { size: "sm", fw: 600 } },
    ActionIcon: { defaultProps: { variant: "subtle", color: "gray", size: "lg" } },
    Tooltip: { defaultProps: { openDelay: 400, withArrow: false, multiline: true, maw: 420 } },
    TextInput: { defaultProps: { size: "sm" } },
    Modal: {
      defaultProps: { centered: true, padding: "lg", transitionProps: { duration: 100 } },
      styles: {
        content: FLOATING,
        header: { background: "transparent" },
        title: { fontSize: "16px", lineHeight: "24px", fontWeight: 600, minWidth: 0, overflowWrap: "anywhere" },
      },
    },
    Kbd: {
      styles: {
        root: {
          border: "1px solid var(--m-border)",
          background: "var(--m-background)",
          color: "var(--m-dim)",
          fontSize: "12px",
          fontWeight: 400,
        },
      },
    },
    InputWrapper: {
      styles: {
        label: { marginBottom: "2px", fontWeight: 600 },
        description: { marginBottom: "4px", fontSize: "12px", lineHeight: "16px" },
      },
    },
    SegmentedControl: { styles: { label: { fontWeight: 400 } } },
    Combobox: { styles: { dropdown: FLOATING } },
    Menu: { defaultProps: { transitionProps: { duration: 80 }, position: "bottom-end" } },
  },
});

function toVariables(scheme: Scheme, series: readonly string[], ansi: string): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(scheme)) variables[`--m-${name}`] = value;
  for (const [index, value] of series.entries()) variables[`--m-series-${index}`] = value;
  for (const [index, value] of ansi.split(" ").entries()) variables[`--m-ansi-${index}`] = value;
  return {
    ...variables,
    "--mantine-color-body": scheme.background,
    "--mantine-color-text": scheme.text,
    "--mantine-color-dimmed": scheme.dim,
    "--mantine-color-placeholder": scheme.faint,
    "--mantine-color-error": scheme.wrong,
    "--mantine-color-anchor": scheme.accent,
    "--mantine-color-default": scheme.surface,
    "--mantine-color-default-hover": scheme.hover,
    "--mantine-color-default-color": scheme.text,
    "--mantine-color-default-border": scheme["border-strong"],
    "--mantine-color-gray-text": scheme.dim,
    "--mantine-color-gray-light-color": scheme.dim,
    "--mantine-color-gray-subtle-hover": scheme.hover,
    "--mantine-color-gray-light-hover": scheme.hover,
  };
}

export const cssVariablesResolver: CSSVariablesResolver = () => ({
  variables: {
    "--m-radius": "6px",
    "--m-mono": MONO,
    "--m-row": "36px",
    "--m-prose": "720px",
  },
  dark: toVariables(DARK, SERIES_DARK, ANSI_DARK),
  light: toVariables(LIGHT, SERIES_LIGHT, ANSI_LIGHT),
});
