import { Link } from "react-router";
import { useSpeech } from "../i18n/language.tsx";
import { Empty } from "../parts/empty.tsx";
import { usePlace } from "./place.tsx";

/** For an address that leads to no screen. */
export function Nowhere() {
  const { say } = useSpeech();
  usePlace([{ label: say("nowhere.title") }]);
  return (
    <Empty title={say("nowhere.title")} text={say("nowhere.text")}>
      <Link className="link" to="/">
        {say("nowhere.home")}
      </Link>
    </Empty>
  );
}
