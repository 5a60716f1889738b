import type { LiveClient, LiveEventFor, LiveOp, LiveState, LiveSubject } from "@muster/sdk";
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useEffectEvent,
  useState,
  useSyncExternalStore,
} from "react";
import { client } from "./client.ts";

/** The live stream of this page and where its connection is. */
interface LiveStore {
  readonly live: LiveClient;
  subscribe(listener: () => void): () => void;
  getState(): LiveState;
}

const LiveContext = createContext<LiveStore | undefined>(undefined);

function createLiveStore(): LiveStore {
  const listeners = new Set<() => void>();
  const live = client.live({
    onState: () => {
      for (const listener of listeners) listener();
    },
  });
  return {
    live,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    getState: () => live.state,
  };
}

/** Opens one live stream for everything below it, and closes it when that goes away (somebody logged out). */
export function LiveProvider({ children }: { children: ReactNode }) {
  const [store, setStore] = useState<LiveStore>();
  useEffect(() => {
    const created = createLiveStore();
    setStore(created);
    const retry = () => created.live.reconnect();
    globalThis.addEventListener("online", retry);
    return () => {
      globalThis.removeEventListener("online", retry);
      created.live.close();
    };
  }, []);
  return store ? <LiveContext value={store}>{children}</LiveContext> : null;
}

function useLiveStore(): LiveStore {
  const store = useContext(LiveContext);
  if (!store) throw new Error("the live stream needs a LiveProvider");
  return store;
}

/** Where the connection is; re-renders when that changes. */
export function useLiveState(): LiveState {
  const store = useLiveStore();
  return useSyncExternalStore(store.subscribe, store.getState);
}

/** Tries to connect now instead of at the next attempt. */
export function useReconnect(): () => void {
  const store = useLiveStore();
  return () => store.live.reconnect();
}

/** Watches a subject while the component is on screen; null watches nothing. Subjects are compared by content. */
export function useLive<Op extends LiveOp>(
  subject: (LiveSubject & { op: Op }) | null,
  onEvent: (event: LiveEventFor<Op>) => void,
): void {
  const { live } = useLiveStore();
  const handle = useEffectEvent(onEvent);
  const content = subject === null ? null : JSON.stringify(subject);
  useEffect(() => {
    if (content === null) return;
    const watched = JSON.parse(content) as LiveSubject;
    return live.subscribe(watched, (event) => handle(event as LiveEventFor<Op>));
  }, [live, content]);
}
