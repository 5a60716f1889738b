import type { CancelTimer, Clock } from "@muster/core";
import type { Bus } from "../bus/bus.ts";
import type { Access } from "./access.ts";
import type { Revocation } from "./access-revocations.ts";

/** Enrolment tokens are checked from memory; what another process made or removed is known after this long at most. */
const REFRESH_MS = 1000;

/** Lets every process know at once when access is taken away in one of them. Ends with the returned function. */
export function relayAccess(parts: {
  access: Access;
  bus: Bus;
  clock: Clock;
  onFailure: (error: unknown) => void;
}): CancelTimer {
  const { access, bus, clock } = parts;
  if (bus.name === "local") return () => {};
  let receiving = false;
  bus.on("access", ({ kind, id }) => {
    receiving = true;
    access.revocations.publish({ kind, id } as Revocation);
    receiving = false;
  });
  const unsubscribe = access.revocations.subscribe(({ kind, id }) => {
    if (!receiving) bus.publish("access", { kind, id });
  });
  const cancel = clock.every(REFRESH_MS, () => void access.enrollment.refresh().catch(parts.onFailure));
  return () => {
    unsubscribe();
    cancel();
  };
}
