import { TextInput } from "@mantine/core";
import type { AvailableInput } from "@muster/core/resources";
import { IconSearch } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { Link, useNavigate } from "react-router";
import { useSpeech } from "../i18n/language.tsx";
import { searchCollectors } from "../logic/input-list.ts";
import classes from "./collector-list.module.css";
import { Empty } from "./empty.tsx";

/** Collectors to choose from, by catalogue. Enter takes the first that matches. */
export function CollectorList(props: {
  available: readonly AvailableInput[];
  linkOf: (item: AvailableInput) => string;
  /** Whose collectors these are. */
  name: string;
}) {
  const { available, linkOf, name } = props;
  const { say } = useSpeech();
  const navigate = useNavigate();
  const [wanted, setWanted] = useState("");
  const catalogs = useMemo(() => searchCollectors(available, wanted), [available, wanted]);
  const first = catalogs[0]?.items[0];
  if (available.length === 0) return <Empty title={say("inputs.noCollectors", { name })} />;
  return (
    <div className={classes.chooser}>
      <TextInput
        data-search
        autoFocus
        value={wanted}
        placeholder={say("inputs.searchCollectors")}
        aria-label={say("inputs.searchCollectors")}
        leftSection={<IconSearch size={15} stroke={1.8} />}
        onChange={(event) => setWanted(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && first) void navigate(linkOf(first));
        }}
      />
      {catalogs.length === 0 && <p className="dim">{say("inputs.noCollector")}</p>}
      {catalogs.map((catalog) => (
        <section key={catalog.name} className={classes.catalog}>
          <h3 className={classes.catalogName}>{catalog.name}</h3>
          <ul className={classes.items}>
            {catalog.items.map((item) => (
              <li key={`${item.inputType} ${item.input}`}>
                <Link className={classes.item} to={linkOf(item)}>
                  <strong className="foreign">
                    {item.input}
                    {item.inputType !== "datakit" && <span className="dim"> {item.inputType}</span>}
                  </strong>
                  <span className={classes.summary}>{item.summary}</span>
                </Link>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}
