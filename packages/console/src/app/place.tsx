import { createContext, type ReactNode, useContext, useEffect, useState } from "react";

/** One step of where we are; the last one is the page itself. */
export interface Crumb {
  readonly label: string;
  readonly to?: string;
}

// two contexts, so that a screen is not rendered again because it said where it is
const CrumbsContext = createContext<readonly Crumb[]>([]);
const SetCrumbsContext = createContext<(crumbs: readonly Crumb[]) => void>(() => undefined);

export function PlaceProvider({ children }: { children: ReactNode }) {
  const [crumbs, setCrumbs] = useState<readonly Crumb[]>([]);
  return (
    <SetCrumbsContext value={setCrumbs}>
      <CrumbsContext value={crumbs}>{children}</CrumbsContext>
    </SetCrumbsContext>
  );
}

export function useCrumbs(): readonly Crumb[] {
  return useContext(CrumbsContext);
}

/** A screen says where it is: for the top line and the browser's title. */
export function usePlace(crumbs: readonly Crumb[]): void {
  const setCrumbs = useContext(SetCrumbsContext);
  const content = JSON.stringify(crumbs);
  useEffect(() => {
    const parsed = JSON.parse(content) as Crumb[];
    setCrumbs(parsed);
    document.title = [...parsed.map((crumb) => crumb.label).reverse(), "Muster"].join(" · ");
  }, [content, setCrumbs]);
}
