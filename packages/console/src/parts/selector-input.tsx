import { CloseButton, Combobox, TextInput, useCombobox } from "@mantine/core";
import { IconTag } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { labelsQuery } from "../api/queries.ts";
import { useSpeech } from "../i18n/language.tsx";
import { findSelectorFault, splitSelector, toCondition } from "../logic/agent-filter.ts";
import classes from "./selector-input.module.css";

const MAX_OFFERS = 60;

/** Labels in use that continue what is being written, with how many agents carry each. */
function useOffers(text: string): { condition: string; agents: number }[] {
  const { data } = useQuery(labelsQuery);
  const started = text
    .slice(text.lastIndexOf(",") + 1)
    .trim()
    .toLowerCase();
  const taken = new Set(splitSelector(text));
  const offers = (data?.items ?? []).flatMap(({ key, values }) =>
    values.map(({ value, agents }) => ({ condition: toCondition(key, value), agents })),
  );
  return offers
    .filter(({ condition }) => condition.toLowerCase().includes(started) && !taken.has(condition))
    .slice(0, MAX_OFFERS);
}

/** A label selector with offers of what exists; written out with Enter, by picking or by leaving the box. */
export function SelectorInput(props: { value: string; onChange: (selector: string) => void; label?: string }) {
  const { value, onChange, label } = props;
  const { say, format } = useSpeech();
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const combobox = useCombobox({ onDropdownClose: () => combobox.resetSelectedOption() });
  const offers = useOffers(text);
  const fault = text === value ? findSelectorFault(text) : undefined;
  const commit = (next: string) => {
    setText(next);
    if (next !== value) onChange(next);
  };
  const add = (condition: string) => {
    const kept = splitSelector(text.slice(0, text.lastIndexOf(",") + 1));
    commit([...kept, condition].join(","));
  };
  return (
    <Combobox store={combobox} onOptionSubmit={add} withinPortal offset={4}>
      <Combobox.Target>
        <TextInput
          {...(label === undefined ? { "aria-label": say("selector.label") } : { label })}
          classNames={{ input: classes.input }}
          value={text}
          placeholder={say("selector.placeholder")}
          error={fault === undefined ? undefined : say("selector.fault", { fault })}
          leftSection={<IconTag size={15} stroke={1.8} />}
          rightSection={
            text === "" ? null : <CloseButton size="sm" aria-label={say("table.clear")} onClick={() => commit("")} />
          }
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => {
            setText(event.currentTarget.value);
            combobox.openDropdown();
            combobox.resetSelectedOption();
          }}
          onFocus={() => combobox.openDropdown()}
          onClick={() => combobox.openDropdown()}
          onBlur={() => {
            combobox.closeDropdown();
            commit(text.trim());
          }}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || combobox.getSelectedOptionIndex() !== -1) return;
            event.preventDefault();
            commit(text.trim());
            combobox.closeDropdown();
          }}
        />
      </Combobox.Target>
      <Combobox.Dropdown hidden={offers.length === 0} className={classes.dropdown}>
        <Combobox.Options mah={280} style={{ overflowY: "auto" }}>
          {offers.map(({ condition, agents }) => (
            <Combobox.Option key={condition} value={condition} className={classes.offer}>
              <span className="cut foreign">{condition}</span>
              <span className="dim figures">{format.number(agents)}</span>
            </Combobox.Option>
          ))}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  );
}
