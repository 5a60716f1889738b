import { ConfigStatus, type Draft, type G2ConfigInfo } from "@muster/protocols/configserver";
import type { GivenConfigs, HeldFile } from "../../configs/given-configs.ts";
import type { FileKind } from "../../configs/places.ts";

/** What a server offers. */
export interface Offer {
  readonly kind: FileKind;
  readonly name: string;
  readonly version: number;
  readonly text: string;
  readonly expiresAt?: number;
}

export interface IntakeOptions {
  readonly configs: GivenConfigs;
  /** Something was taken, refused or removed: the server may be told. Not called for what is refused again as before. */
  readonly onSettled: (failed: HeldFile | undefined) => void;
}

const MAX_FAILURES = 1000;

/** Hands what servers offer to this host's configs, each offer once: their hooks may take longer than the server's beats. */
export class Intake {
  readonly #options: IntakeOptions;
  /** Versions on their way, by kind and name. */
  readonly #underWay = new Map<string, { readonly kind: FileKind; readonly name: string; readonly version: number }>();
  /** Why configs were last refused, by kind and name. */
  readonly #failures = new Map<string, string>();

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** True when there is nothing to do about this version: it is here, on its way, or was refused by this host. */
  isSettled(kind: FileKind, name: string, version: number): boolean {
    if (this.#underWay.get(`${kind}/${name}`)?.version === version) return true;
    const { good, refused } = this.#options.configs.revisions(kind, name);
    return good === version || refused === version;
  }

  /** The version that is here, the newest one that is known; null when there is none of this protocol. */
  newest(kind: FileKind, name: string): number | null {
    return this.#underWay.get(`${kind}/${name}`)?.version ?? this.#options.configs.revisions(kind, name).good;
  }

  offer({ kind, name, version, text, expiresAt = undefined }: Offer): void {
    const key = `${kind}/${name}`;
    const offered = { kind, name, version };
    this.#underWay.set(key, offered);
    const format = /^\s*[{[]/.test(text) ? "json" : "yaml";
    const given = { kind, name, format, revision: version, text, expiresAt: expiresAt ?? null };
    void this.#options.configs.give(given).then((held) => {
      if (this.#underWay.get(key) === offered) this.#underWay.delete(key);
      const failure = held.status === "failed" ? `${held.revision} ${held.error}` : undefined;
      if (failure !== undefined && this.#failures.get(key) === failure) return;
      if (failure === undefined || this.#failures.size > MAX_FAILURES) this.#failures.delete(key);
      else this.#failures.set(key, failure);
      this.#options.onSettled(failure === undefined ? undefined : held);
    });
  }

  remove(kind: FileKind, name: string): void {
    if (!this.#underWay.delete(`${kind}/${name}`) && !this.#options.configs.find(kind, name)) return;
    void this.#options.configs.remove(kind, name).then(() => this.#options.onSettled(undefined));
  }

  /**
   * Name and version of what is here, for protocols that know no verdict: what failed is not here, the one before it is. What
   * another protocol gave is told as older than everything, so that a server either gives it anew or deletes it.
   */
  *versions(kind: FileKind): Generator<{ readonly name: string; readonly version: number }> {
    for (const held of this.#options.configs.held()) {
      if (held.kind !== kind || held.digest === null) continue;
      const { good } = this.#options.configs.revisions(kind, held.name);
      yield { name: held.name, version: good ?? -1 };
    }
  }

  /** The same with verdicts. */
  *reports(kind: FileKind): Generator<Draft<G2ConfigInfo>> {
    const waiting = new Map(
      [...this.#underWay.values()].filter((one) => one.kind === kind).map((one) => [one.name, one]),
    );
    for (const { name, version } of waiting.values()) yield { name, version, status: ConfigStatus.APPLYING };
    for (const held of this.#options.configs.held()) {
      if (held.kind !== kind || waiting.has(held.name)) continue;
      const { name, revision, error, status } = held;
      const message = error === null ? {} : { message: error };
      yield { name, version: revision ?? 0, status: STATUSES[status], ...message };
    }
  }
}

const STATUSES = {
  applying: ConfigStatus.APPLYING,
  applied: ConfigStatus.APPLIED,
  failed: ConfigStatus.FAILED,
} as const;
