import { MusterError } from "@muster/core";
import { loginSchema, passwordChangeSchema, principalSchema } from "@muster/core/resources";
import type { Identity } from "../fleet/access.ts";
import { sessionCookie } from "./callers.ts";
import type { ApiContext } from "./context.ts";
import { type Call, defineRoute, type Route } from "./route.ts";

/** Log in, log out, who am I, change my password. */
export function selfRoutes({ access, clock }: ApiContext): Route[] {
  return [
    defineRoute({
      method: "POST",
      path: "/login",
      action: "public",
      summary: "Log in and get a session cookie",
      body: loginSchema,
      response: principalSchema,
      bodyLimitBytes: 8192,
      // the login itself is written down where it is decided
      audit: "none",
      async handler(call) {
        const login = await access.logins.login(call.body, call.address);
        const maxAgeS = Math.floor((login.expiresAt - clock.now()) / 1000);
        call.setHeader("set-cookie", sessionCookie(login.secret, { maxAgeS, secure: call.secure }));
        return login.principal;
      },
    }),
    defineRoute({
      method: "POST",
      path: "/logout",
      action: "self.logout",
      summary: "End this session",
      audit: () => ({}),
      async handler(call) {
        const { credential } = identityOf(call);
        if (credential.kind === "session") await access.logins.logout(credential.id);
        call.setHeader("set-cookie", sessionCookie("", { maxAgeS: 0, secure: call.secure }));
      },
    }),
    defineRoute({
      method: "GET",
      path: "/me",
      action: "self.read",
      summary: "Who is calling",
      response: principalSchema,
      handler: async (call) => identityOf(call).principal,
    }),
    defineRoute({
      method: "POST",
      path: "/me/password",
      action: "self.password",
      summary: "Change the caller's password; other sessions end",
      body: passwordChangeSchema,
      bodyLimitBytes: 8192,
      audit: () => ({}),
      async handler(call) {
        const { principal, credential } = identityOf(call);
        await access.logins.guard(principal.name, call.address, () =>
          access.users.changePassword(principal.id, call.body, credential.id),
        );
      },
    }),
  ];
}

/** The caller of a route that is not public: there is always one. */
export function identityOf(call: Call): Identity {
  if (!call.identity) throw new MusterError("internal", "a route without a caller");
  return call.identity;
}
