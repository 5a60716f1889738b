import type { Role } from "@muster/core/resources";
import {
  IconAdjustments,
  IconBook2,
  IconFileText,
  IconHistory,
  IconLayoutDashboard,
  IconServer2,
  IconSettings,
  IconStack2,
  IconTerminal2,
} from "@tabler/icons-react";
import type { ComponentType } from "react";
import type { PlainTextKey } from "../i18n/dictionary.ts";

/** A screen that the rail, the palette and a `g` jump lead to. */
export interface Destination {
  readonly path: string;
  readonly label: PlainTextKey;
  readonly icon: ComponentType<{ size?: number | string; stroke?: number | string }>;
  /** The letter after `g`. */
  readonly jump: string;
  readonly role: Role;
  /** The bar of a phone has no room for all: search leads there. */
  readonly onPhone?: false;
}

export const DESTINATIONS = [
  { path: "/", label: "frame.overview", icon: IconLayoutDashboard, jump: "o", role: "viewer" },
  { path: "/agents", label: "frame.agents", icon: IconServer2, jump: "a", role: "viewer" },
  { path: "/commands", label: "frame.commands", icon: IconTerminal2, jump: "c", role: "viewer" },
  { path: "/configs", label: "frame.configs", icon: IconAdjustments, jump: "f", role: "viewer" },
  { path: "/logs", label: "frame.logs", icon: IconFileText, jump: "l", role: "viewer" },
  { path: "/groups", label: "frame.groups", icon: IconStack2, jump: "r", role: "viewer" },
  { path: "/audit", label: "frame.audit", icon: IconHistory, jump: "u", role: "admin", onPhone: false },
  { path: "/settings", label: "frame.settings", icon: IconSettings, jump: "s", role: "viewer" },
] as const satisfies readonly Destination[];

export const API_REFERENCE = { path: "/settings/api", label: "settings.api", icon: IconBook2 } as const;
