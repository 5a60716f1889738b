import type { LatestSample } from "@muster/core/resources";
import { useSpeech } from "../../i18n/language.tsx";
import { DISK_LIMITS, toneOfShare } from "../../parts/gauge.tsx";
import classes from "./devices.module.css";
import { Panel } from "./panel.tsx";

type Detail = NonNullable<LatestSample["detail"]>;

/** Every filesystem, disk and network of the host. */
export function DevicePanels({ detail }: { detail: Detail }) {
  return (
    <>
      <Filesystems filesystems={detail.filesystems} />
      <Disks disks={detail.disks} />
      <Networks networks={detail.networks} />
    </>
  );
}

function Filesystems({ filesystems }: { filesystems: Detail["filesystems"] }) {
  const { say, format } = useSpeech();
  if (filesystems.length === 0) return null;
  return (
    <Panel title={say("agent.filesystems")}>
      <div className={classes.list}>
        {filesystems.map((filesystem) => {
          const used = filesystem.total > 0 ? filesystem.used / filesystem.total : 0;
          const tone = toneOfShare(used, DISK_LIMITS);
          return (
            <div key={`${filesystem.mount} ${filesystem.device}`} className={classes.filesystem}>
              <span className="cut foreign mono" title={`${filesystem.device} (${filesystem.type})`}>
                {filesystem.mount}
              </span>
              <span className="figures" style={tone === "accent" ? undefined : { color: `var(--m-${tone})` }}>
                {format.percent(used)}
              </span>
              <div className={classes.track}>
                <span style={{ width: `${Math.min(used, 1) * 100}%`, background: `var(--m-${tone}-fill)` }} />
              </div>
              <span className="dim figures">
                {say("agent.of", { part: format.bytes(filesystem.used), whole: format.bytes(filesystem.total) })}
              </span>
            </div>
          );
        })}
      </div>
    </Panel>
  );
}

function Disks({ disks }: { disks: Detail["disks"] }) {
  const { say, format } = useSpeech();
  if (disks.length === 0) return null;
  return (
    <Panel title={say("agent.disks")}>
      <div className={classes.list}>
        <div className={`${classes.device} dim`}>
          <span />
          <span>{say("agent.read")}</span>
          <span>{say("agent.write")}</span>
          <span>{say("agent.busy")}</span>
        </div>
        {disks.map((disk) => (
          <div key={disk.device} className={`${classes.device} figures`}>
            <span className="cut foreign mono">{disk.device}</span>
            <span>{format.rate(disk.readBytes)}</span>
            <span>{format.rate(disk.writeBytes)}</span>
            <span>{format.percent(disk.busy)}</span>
          </div>
        ))}
      </div>
    </Panel>
  );
}

function Networks({ networks }: { networks: Detail["networks"] }) {
  const { say, format } = useSpeech();
  if (networks.length === 0) return null;
  return (
    <Panel title={say("agent.networks")}>
      <div className={classes.list}>
        <div className={`${classes.network} dim`}>
          <span />
          <span>{say("agent.receive")}</span>
          <span>{say("agent.transmit")}</span>
        </div>
        {networks.map((network) => (
          <div key={network.name} className={`${classes.network} figures`}>
            <span className="cut foreign mono">{network.name}</span>
            <span>{format.rate(network.receiveBytes)}</span>
            <span>{format.rate(network.transmitBytes)}</span>
          </div>
        ))}
      </div>
    </Panel>
  );
}
