/** How the name of a metric becomes a measurement and a field. */
export interface NamingRules {
  /** Put before every measurement. */
  readonly measurement_prefix: string;
  /** One measurement for all; the fields keep the whole names, so that no two metrics become one. */
  readonly measurement_name: string;
  /** The first whose prefix fits gives the measurement, and the field is what follows the prefix. */
  readonly measurements: readonly { readonly prefix: string; readonly name: string }[];
}

export interface MetricNames {
  readonly measurement: string;
  readonly field: string;
}

/** `http_requests_total` is the field `requests_total` of `http`, unless rules say otherwise. A name in one piece is both. */
export function nameMetric(metric: string, rules: NamingRules): MetricNames {
  const { measurement, field } = splitName(metric, rules);
  return { measurement: `${rules.measurement_prefix}${measurement}`, field };
}

function splitName(metric: string, rules: NamingRules): MetricNames {
  if (rules.measurement_name !== "") return { measurement: rules.measurement_name, field: metric };
  const rule = rules.measurements.find(({ prefix }) => metric.startsWith(prefix));
  if (rule) {
    const field = metric.slice(rule.prefix.length) || metric;
    return { measurement: rule.name || rule.prefix.replace(/_+$/, "") || metric, field };
  }
  const underscore = metric.indexOf("_");
  const isInside = underscore > 0 && underscore < metric.length - 1;
  return isInside
    ? { measurement: metric.slice(0, underscore), field: metric.slice(underscore + 1) }
    : { measurement: metric, field: metric };
}
