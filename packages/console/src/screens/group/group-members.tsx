import { CloseButton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { client } from "../../api/client.ts";
import { useSpeech } from "../../i18n/language.tsx";
import classes from "./group-members.module.css";

/** Those added by hand. Names come from the preview, which knows a thousand at once. */
export function GroupMembers(props: { ids: readonly string[]; onChange?: (ids: string[]) => void }) {
  const { ids, onChange } = props;
  const { say } = useSpeech();
  const { data } = useQuery({
    queryKey: ["member-names", ids],
    queryFn: () => client.commands.preview({ ids: [...ids] }),
    enabled: ids.length > 0,
    placeholderData: (old) => old,
    retry: false,
  });
  const names = new Map((data?.items ?? []).map((item) => [item.id, item.name]));
  if (ids.length === 0) return <p className="dim">{say("groups.noMembers")}</p>;
  return (
    <ul className={classes.members}>
      {ids.map((id) => (
        <li key={id}>
          <span className="cut foreign">{names.get(id) ?? id}</span>
          {onChange && (
            <CloseButton
              size="sm"
              aria-label={say("groups.removeMember", { name: names.get(id) ?? id })}
              onClick={() => onChange(ids.filter((other) => other !== id))}
            />
          )}
        </li>
      ))}
    </ul>
  );
}
