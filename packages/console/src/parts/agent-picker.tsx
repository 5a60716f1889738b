import { Combobox, TextInput, useCombobox } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../api/client.ts";
import { useSpeech } from "../i18n/language.tsx";
import classes from "./selector-input.module.css";
import { AgentMark } from "./status.tsx";

/** Finds agents by name, host or address and adds them one by one. */
export function AgentPicker(props: { chosen: readonly string[]; onAdd: (id: string) => void; placeholder?: string }) {
  const { chosen, onAdd } = props;
  const { say } = useSpeech();
  const placeholder = props.placeholder ?? say("picker.placeholder");
  const [text, setText] = useState("");
  const [asked] = useDebouncedValue(text.trim(), 200);
  const combobox = useCombobox({ onDropdownClose: () => combobox.resetSelectedOption() });
  const { data } = useQuery({
    queryKey: ["agent-picker", asked],
    queryFn: () => client.agents.list({ limit: 30, sort: "name", ...(asked !== "" && { filter: asked }) }),
    placeholderData: keepPreviousData,
  });
  const offers = (data?.items ?? []).filter((agent) => !chosen.includes(agent.id));
  return (
    <Combobox
      store={combobox}
      offset={4}
      onOptionSubmit={(id) => {
        onAdd(id);
        setText("");
      }}
    >
      <Combobox.Target>
        <TextInput
          value={text}
          placeholder={placeholder}
          aria-label={placeholder}
          leftSection={<IconSearch size={15} stroke={1.8} />}
          autoComplete="off"
          onChange={(event) => {
            setText(event.currentTarget.value);
            combobox.openDropdown();
            combobox.selectFirstOption();
          }}
          onClick={() => combobox.openDropdown()}
          onFocus={() => combobox.openDropdown()}
          onBlur={() => combobox.closeDropdown()}
          onKeyDown={(event) => {
            // Enter picks an agent and must not send the form
            if (event.key === "Enter") event.preventDefault();
          }}
        />
      </Combobox.Target>
      <Combobox.Dropdown className={classes.dropdown}>
        <Combobox.Options mah={280} style={{ overflowY: "auto" }}>
          {offers.length === 0 && <Combobox.Empty>{say("picker.none")}</Combobox.Empty>}
          {offers.map((agent) => (
            <Combobox.Option key={agent.id} value={agent.id} className={classes.agent}>
              <AgentMark status={agent.status} />
              <span className="cut foreign">{agent.name}</span>
              <span className="dim cut foreign">{agent.addresses[0] ?? ""}</span>
            </Combobox.Option>
          ))}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  );
}
