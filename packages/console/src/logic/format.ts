/** How values are written for people. Pure: a language goes in, functions come out. */

const NBSP = "\u00a0";
const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

export type Language = "en" | "zh";

export const LOCALES: Readonly<Record<Language, string>> = { en: "en-GB", zh: "zh-CN" };

/** The writers of one language. Missing values are an en dash, never a zero. */
export interface Format {
  number(value: number, digits?: number): string;
  /** 0.453 → "45 %" */
  percent(ratio: number | null | undefined, digits?: number): string;
  /** 1288490188 → "1.2 GiB" */
  bytes(value: number | null | undefined): string;
  /** Bytes in a second. */
  rate(value: number | null | undefined): string;
  /** "850 ms", "12 s", "3 min 20 s", "5 h 12 min", "4 d 3 h" */
  duration(durationMs: number): string;
  /** How long ago, or ahead: "3 min ago". */
  age(at: number, now: number): string;
  /** The absolute instant in the viewer's zone. */
  instant(at: number | string): string;
  /** Under a chart: the time of day, or the day where one begins. */
  tick(at: number): string;
  /** Hours, minutes and seconds of an instant, for rows of output. */
  clock(at: number | string): string;
}

const ABSENT = "–";

export function createFormat(language: Language): Format {
  const locale = LOCALES[language];
  const plain = new Map<number, Intl.NumberFormat>();
  const number = (value: number, digits = 0) => {
    let formatter = plain.get(digits);
    if (!formatter) {
      formatter = new Intl.NumberFormat(locale, { maximumFractionDigits: digits, minimumFractionDigits: digits });
      plain.set(digits, formatter);
    }
    return formatter.format(value);
  };
  const relative = new Intl.RelativeTimeFormat(locale, { style: "short", numeric: "always" });
  const instant = new Intl.DateTimeFormat(locale, {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
    timeZoneName: "short",
  });
  const clock = new Intl.DateTimeFormat(locale, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    fractionalSecondDigits: 3,
    hourCycle: "h23",
  });
  const timeOfDay = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const seconds = new Intl.DateTimeFormat(locale, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  });
  const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });
  const percentGap = language === "zh" ? "" : NBSP;
  const bytes = (value: number | null | undefined) => {
    if (value === null || value === undefined || !Number.isFinite(value)) return ABSENT;
    const { scaled, unit } = scaleBytes(value);
    return `${number(scaled, digitsFor(scaled, unit))}${NBSP}${unit}`;
  };

  return {
    number,
    percent: (ratio, digits = 0) =>
      ratio === null || ratio === undefined || !Number.isFinite(ratio)
        ? ABSENT
        : `${number(ratio * 100, digits)}${percentGap}%`,
    bytes,
    rate: (value) => (value === null || value === undefined ? ABSENT : `${bytes(value)}/s`),
    duration: (durationMs) => formatSpan(durationMs, language),
    age: (at, now) => {
      const { value, unit } = largestUnit(at - now);
      return relative
        .format(value, unit)
        .replace(/(sec|min|hr|wk|mo|yr)\./, "$1")
        .replace("sec", "s")
        .replace("hr", "h");
    },
    instant: (at) => instant.format(new Date(at)),
    tick: (at) => {
      const date = new Date(at);
      if (date.getSeconds() !== 0) return seconds.format(date);
      return date.getHours() === 0 && date.getMinutes() === 0 ? day.format(date) : timeOfDay.format(date);
    },
    clock: (at) => clock.format(new Date(at)),
  };
}

/** The value in the unit that leaves one to four digits before the point. */
export function scaleBytes(value: number): { scaled: number; unit: (typeof BYTE_UNITS)[number] } {
  let scaled = value;
  let index = 0;
  while (Math.abs(scaled) >= 1023.95 && index < BYTE_UNITS.length - 1) {
    scaled /= 1024;
    index++;
  }
  return { scaled, unit: BYTE_UNITS[index] ?? "B" };
}

function digitsFor(scaled: number, unit: string): number {
  return unit === "B" || Math.abs(scaled) >= 100 || Math.round(scaled * 10) % 10 === 0 ? 0 : 1;
}

const SPAN_WORDS = {
  en: { d: "d", h: "h", min: "min", s: "s", ms: "ms", gap: NBSP },
  zh: { d: "天", h: "小时", min: "分", s: "秒", ms: "毫秒", gap: NBSP },
} as const;

function formatSpan(durationMs: number, language: Language): string {
  const words = SPAN_WORDS[language];
  const whole = (value: number, word: string) => `${value}${words.gap}${word}`;
  if (durationMs < 1000) return whole(Math.max(0, Math.round(durationMs)), words.ms);
  const seconds = Math.round(durationMs / 1000);
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), words.d],
    [Math.floor(seconds / 3600) % 24, words.h],
    [Math.floor(seconds / 60) % 60, words.min],
    [seconds % 60, words.s],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  // two units say enough: nobody needs the seconds of a day
  return parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, word]) => whole(value, word))
    .join(" ");
}

function largestUnit(differenceMs: number): { value: number; unit: Intl.RelativeTimeFormatUnit } {
  const seconds = Math.trunc(differenceMs / 1000);
  const size = Math.abs(seconds);
  if (size < 60) return { value: seconds === 0 ? -0 : seconds, unit: "second" };
  if (size < 3600) return { value: Math.trunc(seconds / 60), unit: "minute" };
  if (size < 86_400) return { value: Math.trunc(seconds / 3600), unit: "hour" };
  return { value: Math.trunc(seconds / 86_400), unit: "day" };
}

/** Everything before the first difference is noise in a table: an id's last characters tell two apart. */
export function shortId(id: string): string {
  return id.length <= 12 ? id : `…${id.slice(-8)}`;
}
