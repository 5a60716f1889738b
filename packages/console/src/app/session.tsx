import type { Principal, Role } from "@muster/core/resources";
import { createContext, useContext } from "react";

/** Who is logged in; set by the frame, which shows nothing to nobody. */
export const PrincipalContext = createContext<Principal | undefined>(undefined);

export function usePrincipal(): Principal {
  const principal = useContext(PrincipalContext);
  if (!principal) throw new Error("only screens inside the frame know who is logged in");
  return principal;
}

const RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };

/** True when the one logged in may do what `role` may. Only hides what would be refused; the server decides. */
export function useMay(role: Role): boolean {
  const { role: own } = usePrincipal();
  return own !== null && RANK[own] >= RANK[role];
}
