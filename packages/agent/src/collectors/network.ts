import type { HostDetail, HostValues } from "@muster/core";
import { Fields } from "./fields.ts";
import { Rates } from "./rates.ts";

type NetworkRates = HostDetail["networks"][number];

/**
 * Interfaces whose traffic passes through another one that is counted (bridges, tunnels, bonds over their members,
 * VLANs, the host's ends of container links), and those that move nothing.
 */
const VIRTUAL =
  /^(lo$|veth|docker|br-|virbr|cni|flannel|cali|vxlan|ifb|dummy|tun|tap|wg|bond|team|kube-|nodelocaldns|lxc|lxdbr|podman)|\./;

/** Reads /proc/net/dev: rates since the reading before. */
export class NetworkCollector {
  readonly #fields = new Fields();
  readonly #rates = new Rates();

  collect(content: Uint8Array, atMs: number, values: HostValues): NetworkRates[] {
    const fields = this.#fields.reset(content);
    const networks: NetworkRates[] = [];
    this.#rates.begin(atMs);
    for (; !fields.isAtEnd; fields.nextLine()) {
      const name = fields.until(":"); // the two lines of headings have none
      if (name === undefined || name === "lo") continue;
      const received = fields.number();
      fields.skip(7);
      const rates = this.#rates.next(name, [received, fields.number()]);
      if (!rates) continue;
      networks.push({ name, receiveBytes: rates[0] ?? 0, transmitBytes: rates[1] ?? 0 });
    }
    putTotals(networks, values);
    return networks;
  }
}

function putTotals(networks: readonly NetworkRates[], values: HostValues): void {
  const counted = networks.filter((network) => !VIRTUAL.test(network.name));
  if (counted.length === 0) return;
  values["system.network.receive"] = counted.reduce((sum, network) => sum + network.receiveBytes, 0);
  values["system.network.transmit"] = counted.reduce((sum, network) => sum + network.transmitBytes, 0);
}
