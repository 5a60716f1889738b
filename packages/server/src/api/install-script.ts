/** What the script is made of. None of it is a caller's text: each value is checked again here before it is quoted. */
export interface InstallScript {
  /** The public URL or the listener's own address; never the Host header. */
  readonly serverUrl: string;
  /** The enrolment token that asked; undefined when a person asked, who then sets MUSTER_TOKEN. */
  readonly token: string | undefined;
  /** What `uname -s -m` says on hosts that can run this server's Node, such as `Linux x86_64`. */
  readonly nodeHost: string;
}

const SAFE_URL = /^https?:\/\/[A-Za-z0-9.:[\]/_~-]+$/;
const SAFE_TOKEN = /^[A-Za-z0-9_.~-]{8,200}$/;
const SAFE_HOST = /^[A-Za-z0-9_ -]*$/;

/** The lines that an operator copies to add a host. */
export function copiedLines(serverUrl: string, token: string): { installLine: string; agentLine: string } {
  return {
    installLine: `curl -fsS -H "Authorization: Bearer ${token}" ${serverUrl}/fleet/v1/install.sh | sh`,
    agentLine: `muster agent --server ${serverUrl} --token ${token}`,
  };
}

/** A POSIX shell script that installs the agent from this server alone, for hosts without the internet. */
export function writeInstallScript(script: InstallScript): string {
  const { serverUrl, token, nodeHost } = script;
  if (!SAFE_URL.test(serverUrl)) throw new Error("the server's URL cannot be written into a script");
  if (token !== undefined && !SAFE_TOKEN.test(token)) throw new Error("the token cannot be written into a script");
  if (!SAFE_HOST.test(nodeHost)) throw new Error("the platform cannot be written into a script");
  const tokenValue = token === undefined ? '"$(printenv MUSTER_TOKEN || true)"' : `'${token}'`;
  return `#!/bin/sh
# Installs the Muster agent on this host and starts it. Run it again to update.
set -eu
SERVER='${serverUrl}'
TOKEN=${tokenValue}
NODE_HOST='${nodeHost}'

say() { printf 'muster: %s\\n' "$*"; }
fail() { say "$*" >&2; exit 1; }

case "$TOKEN" in
  '') fail 'set MUSTER_TOKEN to an enrolment token' ;;
  *[!A-Za-z0-9_.~-]*) fail 'the enrolment token has an unknown form' ;;
esac
command -v curl >/dev/null 2>&1 || fail 'curl is needed'
umask 077

if [ "$(id -u)" = 0 ]; then DIR=/opt/muster; else DIR="\${HOME:?}/.local/share/muster"; fi
mkdir -p "$DIR"

# the token travels on curl's standard input, so that no process list shows it
fetch() {
  printf 'header = "Authorization: Bearer %s"\\n' "$TOKEN" |
    curl -fsS --retry 3 -K - -o "$DIR/$1.new" "$SERVER/fleet/v1/install/$1" || fail "cannot fetch $1 from $SERVER"
  mv -f "$DIR/$1.new" "$DIR/$1"
}
runs_agent() {
  [ -n "$1" ] && [ -x "$1" ] && "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number);
    process.exit(a > 22 || (a === 22 && b >= 18) ? 0 : 1)' 2>/dev/null
}

fetch agent.mjs
NODE="$(command -v node 2>/dev/null || true)"
if ! runs_agent "$NODE"; then
  NODE="$DIR/node"
  [ "$(uname -s -m)" = "$NODE_HOST" ] || runs_agent "$NODE" || fail 'Node.js 22.18 or newer is needed: install it and try again'
  runs_agent "$NODE" || { say 'fetching Node.js from the server'; fetch node; chmod 755 "$NODE"; }
  runs_agent "$NODE" || fail "the server's Node.js does not run on this host: install Node.js 22.18 or newer"
fi

printf 'MUSTER_SERVER=%s\\nMUSTER_TOKEN=%s\\n' "$SERVER" "$TOKEN" >"$DIR/agent.env"

if [ "$(id -u)" = 0 ] && [ -d /run/systemd/system ]; then
  cat >/etc/systemd/system/muster-agent.service <<UNIT
[Unit]
Description=Muster agent
Wants=network-online.target
After=network-online.target

[Service]
EnvironmentFile=$DIR/agent.env
ExecStart=$NODE $DIR/agent.mjs
Restart=always
RestartSec=5

[Install]
WantedBy=multi-user.target
UNIT
  systemctl daemon-reload
  systemctl enable muster-agent >/dev/null 2>&1
  systemctl restart muster-agent
  say 'the agent runs as the service muster-agent'
else
  if [ -f "$DIR/agent.pid" ]; then kill "$(cat "$DIR/agent.pid")" 2>/dev/null || true; fi
  set -a; . "$DIR/agent.env"; set +a
  nohup "$NODE" "$DIR/agent.mjs" >>"$DIR/agent.log" 2>&1 </dev/null &
  echo $! >"$DIR/agent.pid"
  say "the agent runs in the background (log: $DIR/agent.log); it does not start by itself after a reboot"
fi
`;
}
