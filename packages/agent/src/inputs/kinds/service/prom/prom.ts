import type { Point } from "@muster/core";
import * as z from "zod/mini";
import type { Collector } from "../../../collector.ts";
import { defineKind, type KindTools, sampleOf } from "../../shared/kind.ts";
import { block, duration, flag, integer, options, patterns, text, texts } from "../../shared/options.ts";
import { nowNs } from "../../shared/values.ts";
import { withDeadline } from "../deadline.ts";
import { shownAddress, webAddresses } from "../endpoint.ts";
import { ServiceTrouble } from "../failure.ts";
import { authHeaders, HTTP_OPTIONS, HTTP_SAMPLE, loadTls, secretsOf, type TlsMaterial } from "../http-options.ts";
import { requestHttp } from "../http-request.ts";
import { withSynonyms } from "../synonyms.ts";
import { readTargets } from "../targets.ts";
import { type ExpositionEnd, readExposition } from "./exposition.ts";
import { PromPoints } from "./points.ts";

/** What we can read, the richer one first; exporters that know neither send the text format. */
const ACCEPT = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

const METRIC_TYPES = ["counter", "gauge", "histogram", "summary", "untyped", "info", "stateset"] as const;

const promOptions = withSynonyms(
  options({
    ...HTTP_OPTIONS,
    urls: webAddresses(["http://127.0.0.1:9100/metrics"]),
    timeout: duration(10_000, { minMs: 100, maxMs: 300_000 }),
    max_series: integer(100_000, { min: 1, max: 1_000_000 }),
    metric_types: z._default(z.array(z.enum(METRIC_TYPES)), [...METRIC_TYPES]),
    metric_name_filter: patterns(),
    metric_name_filter_ignore: patterns(),
    measurement_prefix: text(""),
    measurement_name: text(""),
    measurements: z._default(z.array(block({ prefix: z.string(), name: text("") })), []),
    tags_ignore: texts(),
    tags_rename: z._default(z.record(z.string(), z.string()), {}),
    ignore_tag_kv: z._default(z.record(z.string(), patterns()), {}),
    disable_instance_tag: flag(false),
    honor_timestamps: flag(true),
  }),
  { url: { name: "urls", isList: true } },
);
type PromOptions = z.output<typeof promOptions>;

export function createProm(wanted: PromOptions, tools: KindTools): Collector {
  let tls: TlsMaterial;
  const secrets = secretsOf(wanted, wanted.urls);

  const scrape = async (url: URL, signal: AbortSignal, troubles: string[]): Promise<Point[]> => {
    const place = shownAddress(url);
    const answer = await requestHttp({
      url,
      tls,
      signal,
      clock: tools.clock,
      maxBytes: wanted.max_body_size,
      redirects: 3,
      headers: { accept: ACCEPT, "accept-encoding": "gzip", ...(await authHeaders(wanted, url)) },
    });
    if (answer.status !== 200) throw new ServiceTrouble(`${place} answered with status ${answer.status}`);
    const isOpenMetrics = String(answer.headers["content-type"]).startsWith("application/openmetrics-text");
    const instance: Record<string, string> = wanted.disable_instance_tag ? {} : { instance: url.host };
    const gathered = new PromPoints(wanted, nowNs(tools.clock), instance);
    const maxSamples = wanted.max_series;
    const text = answer.body.toString("utf8");
    const reading = readExposition(text, { isOpenMetrics, maxSamples }, (sample) => gathered.add(sample));
    const end = await finish(reading, signal);
    if (!end.isWhole) throw new ServiceTrouble(`${place}: the answer was cut, it has no last line "# EOF"`);
    const trouble = describeEnd(end, maxSamples);
    if (trouble !== undefined) troubles.push(`${place}: ${trouble}`);
    return gathered.points;
  };

  return {
    async start() {
      tls = await loadTls(wanted);
    },
    async collect(signal) {
      const troubles: string[] = [];
      await readTargets(tools, {
        targets: wanted.urls,
        place: shownAddress,
        secrets,
        troubles,
        read: (url) => {
          const deadline = { clock: tools.clock, signal, timeoutMs: wanted.timeout, place: shownAddress(url) };
          return withDeadline(deadline, (own) => scrape(url, own, troubles));
        },
      });
    },
  };
}

/** Goes on reading until the end, and lets others have their turns. */
async function finish(reading: Generator<void, ExpositionEnd>, signal: AbortSignal): Promise<ExpositionEnd> {
  for (;;) {
    const step = reading.next();
    if (step.done) return step.value;
    await new Promise<void>((resolve) => void setImmediate(resolve));
    signal.throwIfAborted();
  }
}

/** What was left out of an exposition; undefined when nothing was. */
function describeEnd(end: ExpositionEnd, maxSamples: number): string | undefined {
  if (end.isOverfull) return `more than ${maxSamples} series, the rest was left out ("max_series")`;
  const [first] = end.problems;
  if (!first) return undefined;
  const lines = end.problemCount === 1 ? "1 line" : `${end.problemCount} lines`;
  return `${lines} could not be read, the first is line ${first.line}: ${first.message}`;
}

export const prom = defineKind({
  name: "prom",
  aliases: ["prometheus"],
  catalog: "prometheus",
  summary: "Metrics of exporters that speak Prometheus' text format or OpenMetrics",
  defaultIntervalMs: 30_000,
  options: promOptions,
  create: createProm,
  sample: sampleOf({
    name: "prom",
    about: "Scrapes exporters of Prometheus metrics.",
    interval: "30s",
    body: `
  # Where exporters listen.
  urls = ["http://127.0.0.1:9100/metrics"]
  timeout = "10s"
  # An exporter with more of either is cut or refused, and said so. Bytes, and series.
  # max_body_size = 33554432
  # max_series = 100000
  # Kinds of metrics to keep, of: counter, gauge, histogram, summary, untyped, info, stateset.
  # metric_types = ["counter", "gauge"]
  # Regular expressions: names to keep (none: all) and names to leave out.
  # metric_name_filter = ["^node_cpu"]
  # metric_name_filter_ignore = ["^go_"]
  # http_requests_total becomes the field requests_total of the measurement http. Instead:
  # a text before every measurement, one measurement for all (fields keep their whole names),
  # or measurements by prefix, see below.
  # measurement_prefix = "app_"
  # measurement_name = "exporter"
  # Labels to leave out or to rename, and series to leave out by a label's value.
  # tags_ignore = ["pod_uid"]
  # tags_rename = { "kubernetes_pod" = "pod" }
  # ignore_tag_kv = { "device" = ["^loop", "^ram"] }
  # No tag "instance" with host and port of the exporter.
  # disable_instance_tag = false
  # The time of a sample, when the exporter gives one, instead of ours.
  # honor_timestamps = true${HTTP_SAMPLE}
  # Blocks come last.
  # [[inputs.prom.measurements]]
  #   prefix = "node_cpu_"
  #   name = "node_cpu"`,
  }),
  measurements: [
    {
      name: "(the exporter's)",
      category: "metric",
      about:
        "The first word of a metric's name is the measurement and the rest the field, unless options say otherwise. " +
        "Histograms have fields *_bucket with the tag le, *_sum and *_count; summaries the tag quantile.",
      tags: {
        instance: "host and port of the exporter",
        "(labels)": "every label of the exporter that is not left out",
      },
      fields: { "(metrics)": "the value, a float in the exporter's unit" },
    },
  ],
});
