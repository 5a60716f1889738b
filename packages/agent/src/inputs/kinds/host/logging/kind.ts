import { basename } from "node:path";
import * as z from "zod/mini";
import { errorText } from "../../../../log.ts";
import type { Collector } from "../../../collector.ts";
import { defineKind, type KindTools, sampleOf } from "../../shared/kind.ts";
import { duration, flag, integer, options, pattern, text, texts } from "../../shared/options.ts";
import { nowNs } from "../../shared/values.ts";
import { compileGlob } from "./globs.ts";
import { findStatus } from "./status.ts";
import { type MakePoint, Tail } from "./tail.ts";

const KIB = 1024;
/** Colours and the like, as terminals take them (ECMA-48, CSI). */
const ANSI_ESCAPES = new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[ -/]*[@-~]`, "g");
/** Names that DataKit and Telegraf know, as TextDecoder calls them. */
const ENCODINGS: Readonly<Record<string, string>> = {
  "": "utf-8",
  utf8: "utf-8",
  "utf-16": "utf-16le",
  gb18030: "gb18030",
};

const readable = z.refine<string>(
  (name) => encodingOf(name) !== undefined,
  "must be utf-8, gbk, gb18030, utf-16le, utf-16be or another name that TextDecoder knows",
);

const compiles = z.superRefine<string>((glob, context) => {
  try {
    compileGlob(glob);
  } catch (error) {
    context.addIssue(errorText(error));
  }
});
const globs = z._default(z.array(z.string().check(compiles)), []);
const loggingOptions = options({
  logfiles: globs,
  files: globs,
  ignore: globs,
  source: text("default"),
  service: text(""),
  from_beginning: flag(false),
  character_encoding: z._default(z.string().check(readable), "utf-8"),
  multiline_match: pattern(""),
  multiline_timeout: duration(5000, { minMs: 100, maxMs: 3_600_000 }),
  maximum_length: integer(256 * KIB, { min: 64, max: 8 * KIB * KIB }),
  extract_status: flag(true),
  default_status: text("info"),
  ignore_status: texts([]),
  remove_ansi_escape_codes: flag(false),
  ignore_dead_log: duration(3_600_000, { minMs: 0, maxMs: 365 * 86_400_000 }),
  max_open_files: integer(500, { min: 1, max: 10_000 }),
});
type LoggingOptions = z.output<typeof loggingOptions>;

function encodingOf(name: string): string | undefined {
  const known = ENCODINGS[name.toLowerCase()] ?? name;
  try {
    return new TextDecoder(known).encoding;
  } catch {
    return undefined;
  }
}

/** Makes points of records: nanoseconds keep their order inside one millisecond. Called for every line, so it makes little garbage. */
function pointsFrom(wanted: LoggingOptions, tools: KindTools): MakePoint {
  const service = wanted.service || wanted.source;
  const ignored = new Set(wanted.ignore_status);
  let tags = { filename: "", filepath: "", service };
  let lastNs = 0n;
  return ({ text: raw, end }, { path }) => {
    const message = wanted.remove_ansi_escape_codes ? raw.replace(ANSI_ESCAPES, "") : raw;
    if (message === "") return undefined;
    const status = (wanted.extract_status ? findStatus(message) : undefined) ?? wanted.default_status;
    if (ignored.has(status)) return undefined;
    if (tags.filepath !== path) tags = { filename: basename(path), filepath: path, service };
    const now = nowNs(tools.clock);
    lastNs = now > lastNs ? now : lastNs + 1n;
    const fields = { message, status, message_length: BigInt(message.length), log_read_offset: BigInt(end) };
    return { measurement: wanted.source, tags, fields, timeNs: lastNs };
  };
}

export function createLogging(wanted: LoggingOptions, tools: KindTools): Collector {
  const patterns = [...wanted.logfiles, ...wanted.files];
  let tail: Tail | undefined;
  return {
    async start() {
      if (patterns.length === 0) throw new Error('"logfiles" must name at least one file');
      tail = new Tail(
        {
          globs: patterns,
          ignore: wanted.ignore.map(compileGlob),
          fromBeginning: wanted.from_beginning,
          ignoreInactiveMs: wanted.ignore_dead_log,
          maxOpenFiles: wanted.max_open_files,
          encoding: encodingOf(wanted.character_encoding) ?? "utf-8",
          maxBytes: wanted.maximum_length,
          start: wanted.multiline_match,
          recordTimeoutMs: wanted.multiline_timeout,
        },
        tools,
        pointsFrom(wanted, tools),
      );
      await tail.start();
    },
    async stop() {
      await tail?.stop();
    },
  };
}

export const logging = defineKind({
  name: "logging",
  aliases: ["tailf", "tail", "logfile"],
  catalog: "host",
  summary: "Follows log files through rotations and restarts, without losing or doubling lines",
  exclusive: true,
  options: loggingOptions,
  create: createLogging,
  sample: sampleOf({
    name: "logging",
    about: "Follows log files.",
    body: `
  # Files by absolute path: * and ? stay inside a folder, ** crosses folders, [a-z] and {a,b} are choices.
  logfiles = ["/var/log/*.log", "/var/log/syslog"]
  # Paths that are left out, in the same writing.
  ignore = ["/var/log/**/*.gz"]
  # The measurement of the points, and a tag; the service is the source when it is empty.
  source = "default"
  service = ""
  # What is already in the files when they are seen for the first time: true reads it, false begins at their ends.
  # After a restart every file goes on where it was, and files that came meanwhile are read from their start.
  from_beginning = false
  # utf-8, gbk, gb18030, utf-16le, utf-16be and others.
  character_encoding = "utf-8"
  # A regular expression for the first line of a record; lines that do not match belong to the one before. Empty: one line each.
  # multiline_match = '''^\\d{4}-\\d{2}-\\d{2}'''
  multiline_match = ""
  # A record without a next one is complete after this time.
  multiline_timeout = "5s"
  # Longer records are cut, with a mark at the end; in bytes.
  maximum_length = 262144
  # Looks for a level in the text (level=warn, [error], INFO ...); without one, or with false, it is the default.
  extract_status = true
  default_status = "info"
  # Statuses that are not sent: emerg, alert, critical, error, warning, notice, info, debug, OK.
  ignore_status = []
  # Takes colours out of the text.
  remove_ansi_escape_codes = false
  # Files without a change for this long are not read before they change; "0" reads all.
  ignore_dead_log = "1h"
  # The most files that are open at once; others wait for their turn.
  max_open_files = 500`,
  }),
  measurements: [
    {
      name: "default",
      category: "logging",
      about:
        "One point for each record; the measurement's name is the option source. The order inside a file is kept by the time. A file that is renamed or removed is read to its end; one that is truncated (copytruncate) is read from its start, and what nobody had read before comes from the copy beside it (app.log.1, app.log-20260101, app-20260101.log), uncompressed. Where files are rotated more often than once a second, patterns must name the rotated ones too. Positions move when lines are safely queued.",
      tags: {
        filename: "name of the file",
        filepath: "whole path of the file",
        service: "the option service",
      },
      fields: {
        message: "the text",
        status: "emerg, alert, critical, error, warning, notice, info, debug or OK",
        message_length: "length of the text, a count of UTF-16 units",
        log_read_offset: "where in the file the record ended, bytes",
      },
    },
  ],
});
