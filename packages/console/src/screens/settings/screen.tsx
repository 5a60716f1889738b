import { lazy, type ReactNode, Suspense } from "react";
import { useParams } from "react-router";
import { usePlace } from "../../app/place.tsx";
import { useMay, usePrincipal } from "../../app/session.tsx";
import { useSpeech } from "../../i18n/language.tsx";
import { Page } from "../../parts/page.tsx";
import { LinkTabs } from "../../parts/tabs.tsx";
import { EnrollmentSection } from "./enrollment-section.tsx";
import { PasswordSection } from "./password-section.tsx";
import { SecretsSection } from "./secrets-section.tsx";
import { SystemSection } from "./system-section.tsx";
import { TokensSection } from "./tokens-section.tsx";
import { UsersSection } from "./users-section.tsx";

const ApiSection = lazy(() => import("./api-section.tsx").then((module) => ({ default: module.ApiSection })));

const SECTIONS = ["system", "users", "tokens", "enrollment", "secrets", "password", "api"] as const;
type SectionId = (typeof SECTIONS)[number];

const BODIES: Readonly<Record<SectionId, () => ReactNode>> = {
  system: () => <SystemSection />,
  users: () => <UsersSection />,
  tokens: () => <TokensSection />,
  enrollment: () => <EnrollmentSection />,
  secrets: () => <SecretsSection />,
  password: () => <PasswordSection />,
  api: () => <ApiSection />,
};

/** Who may come in, with what, and what the server says about itself. */
export function Screen() {
  const { section } = useParams();
  const { say } = useSpeech();
  const principal = usePrincipal();
  const admin = useMay("admin");
  const operator = useMay("operator");
  const allowed: Readonly<Record<SectionId, boolean>> = {
    system: true,
    users: admin,
    tokens: admin,
    enrollment: operator,
    secrets: admin,
    password: principal.kind === "user",
    api: true,
  };
  const shown = SECTIONS.filter((id) => allowed[id]);
  const current = shown.find((id) => id === section) ?? "system";
  usePlace([{ label: say("frame.settings"), to: "/settings" }, { label: say(`settings.${current}`) }]);
  return (
    <Page title={say("frame.settings")}>
      <LinkTabs
        label={say("frame.settings")}
        current={current}
        tabs={shown.map((id) => ({ id, to: `/settings/${id}`, label: say(`settings.${id}`) }))}
      />
      <Suspense>{BODIES[current]()}</Suspense>
    </Page>
  );
}
