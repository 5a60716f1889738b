import { TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { openApiQuery } from "../../api/queries.ts";
import { useSpeech } from "../../i18n/language.tsx";
import { type ApiField, type ApiOperation, readOpenApi } from "../../logic/openapi.ts";
import { ErrorNotice } from "../../parts/notice.tsx";
import { Section } from "../../parts/page.tsx";
import classes from "./api-section.module.css";

/** The API, browsable: read from the document that the server itself publishes. */
export function ApiSection() {
  const { say } = useSpeech();
  const { data, error, refetch } = useQuery(openApiQuery);
  const [wanted, setWanted] = useState("");
  const sections = useMemo(() => (data ? readOpenApi(data) : []), [data]);
  if (error) return <ErrorNotice error={error} retry={() => void refetch()} />;
  const lower = wanted.toLowerCase();
  const matches = (operation: ApiOperation) =>
    `${operation.method} ${operation.path} ${operation.summary}`.toLowerCase().includes(lower);
  return (
    <div className={classes.reference}>
      <div className={classes.intro}>
        <p>
          {say("api.text")}{" "}
          <a className="link mono" href="/fleet/v1/openapi.json" target="_blank" rel="noreferrer">
            /fleet/v1/openapi.json
          </a>
        </p>
        <TextInput
          data-search
          value={wanted}
          placeholder={say("api.search")}
          aria-label={say("api.search")}
          leftSection={<IconSearch size={15} />}
          onChange={(event) => setWanted(event.currentTarget.value)}
        />
      </div>
      {sections.map((section) => {
        const operations = section.operations.filter(matches);
        if (operations.length === 0) return null;
        return (
          <Section key={section.name} title={section.name}>
            <div className={classes.list}>
              {operations.map((operation) => (
                <Operation key={operation.id} operation={operation} />
              ))}
            </div>
          </Section>
        );
      })}
    </div>
  );
}

function Operation({ operation }: { operation: ApiOperation }) {
  const { say } = useSpeech();
  return (
    <details className={classes.operation}>
      <summary>
        <span className={classes.method} data-method={operation.method}>
          {operation.method}
        </span>
        <span className="mono cut">{operation.path}</span>
        <span className="dim cut">{operation.summary}</span>
      </summary>
      <div className={classes.body}>
        {operation.description && <p>{operation.description}</p>}
        {operation.parameters.length > 0 && <Fields title={say("api.parameters")} fields={operation.parameters} />}
        {operation.body.length > 0 && <Fields title={say("api.body")} fields={operation.body} />}
        {operation.answers.map((answer) => (
          <Fields
            key={answer.status}
            title={`${say("api.answer")} ${answer.status} ${answer.description}`}
            fields={answer.fields}
          />
        ))}
      </div>
    </details>
  );
}

function Fields({ title, fields }: { title: string; fields: readonly ApiField[] }) {
  const { say } = useSpeech();
  return (
    <div>
      <h3 className={classes.title}>{title}</h3>
      <dl className={classes.fields}>
        {fields.map((field) => (
          <div key={field.name}>
            <dt className="mono">
              {field.name}
              {field.required && <span className={classes.required}> {say("api.required")}</span>}
            </dt>
            <dd>
              <span className="mono dim">{field.type}</span>
              {field.description && <span> {field.description}</span>}
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
