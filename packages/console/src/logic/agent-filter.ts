import { parseSelector } from "@muster/core";
import type { AgentListQuery, AgentStatus } from "@muster/core/resources";
import type { ListQuery } from "@muster/sdk";

export type AgentSort = NonNullable<AgentListQuery["sort"]>;

/** Which agents a list shows and in what order. Lives in the URL. */
export interface AgentFilter {
  readonly filter: string;
  readonly selector: string;
  readonly status: AgentStatus | undefined;
  readonly group: string | undefined;
  readonly sort: AgentSort;
}

const STATUSES: readonly AgentStatus[] = ["online", "stale", "offline"];
const SORTS: readonly AgentSort[] = [
  "name",
  "-name",
  "status",
  "-status",
  "lastSeenAt",
  "-lastSeenAt",
  "firstSeenAt",
  "-firstSeenAt",
];

export function readAgentFilter(parameters: URLSearchParams): AgentFilter {
  return {
    filter: (parameters.get("q") ?? "").slice(0, 200),
    selector: (parameters.get("labels") ?? "").slice(0, 2000),
    status: STATUSES.find((status) => status === parameters.get("status")),
    group: parameters.get("group") ?? undefined,
    sort: SORTS.find((sort) => sort === parameters.get("sort")) ?? "name",
  };
}

/** The parameters with a change applied; what is at its default is left out, so that links stay short. */
export function writeAgentFilter(parameters: URLSearchParams, change: Partial<AgentFilter>): URLSearchParams {
  const next = new URLSearchParams(parameters);
  const merged = { ...readAgentFilter(parameters), ...change };
  const write = (name: string, value: string | undefined) => (value ? next.set(name, value) : next.delete(name));
  write("q", merged.filter);
  write("labels", merged.selector);
  write("status", merged.status);
  write("group", merged.group);
  write("sort", merged.sort === "name" ? undefined : merged.sort);
  return next;
}

export function toListQuery(filter: AgentFilter): ListQuery<AgentListQuery> {
  return {
    sort: filter.sort,
    ...(filter.filter === "" ? {} : { filter: filter.filter }),
    ...(filter.selector === "" ? {} : { selector: filter.selector }),
    ...(filter.status === undefined ? {} : { status: filter.status }),
    ...(filter.group === undefined ? {} : { group: filter.group }),
  };
}

export function isFiltered(filter: AgentFilter): boolean {
  return filter.filter !== "" || filter.selector !== "" || filter.status !== undefined || filter.group !== undefined;
}

/** What is wrong with a selector, or undefined when it can be used. */
export function findSelectorFault(selector: string): string | undefined {
  try {
    parseSelector(selector);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Adds `key=value` to a selector, or takes exactly that condition away when it is there. */
export function toggleCondition(selector: string, key: string, value: string): string {
  const condition = toCondition(key, value);
  const parts = splitSelector(selector);
  const without = parts.filter((part) => part !== condition);
  return (without.length < parts.length ? without : [...parts, condition]).join(",");
}

/** The conditions of a selector as they were written; commas inside brackets do not separate. */
export function splitSelector(selector: string): string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** A value that carries the selector's own signs only fits into brackets, if at all; then the key must do. */
export function toCondition(key: string, value: string): string {
  return /[,()]/.test(value) ? key : `${key}=${value}`;
}
