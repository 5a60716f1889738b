import type { FeedEvent } from "../fleet/feed.ts";
import { Subscription } from "./live-subscription.ts";

/** More that changed at once are not named: whoever watches reads everything again. */
const MAX_NAMED = 100;

/** Which configs have changed, or their rollouts, or what agents make of them. A rollout over thousands is one word per tick. */
export class ConfigsSubscription extends Subscription {
  readonly #changed = new Set<string>();
  #any = false;

  topics(): readonly string[] {
    return ["configs"];
  }

  async load(): Promise<void> {}

  note(event: FeedEvent): boolean {
    if (event.kind !== "configs") return false;
    if (event.configId === null || this.#changed.size >= MAX_NAMED) this.#any = true;
    else this.#changed.add(event.configId);
    return true;
  }

  want(): void {}

  async emit(): Promise<boolean> {
    const configIds = this.#any ? null : [...this.#changed];
    this.#any = false;
    this.#changed.clear();
    this.socket.send({ event: "configs", sub: this.sub, configIds });
    return false;
  }
}
