import { Button, TextInput } from '@mantine/core';
import { Panel } from '../shared/panel.tsx';
import type { Search } from '../shared/router.tsx';
import { localInput, useLiveEnd } from '../shared/time.tsx';
import styles from './explain.module.css';
import { ExplainPanel } from './explain-panel.tsx';

/** Choose a moment, get the walk through the stages; the moment lives in the URL as `why`. */
export function WhyNot({
  search,
  subject,
  hint,
  suggested,
}: {
  search: Search;
  /** Name of a service or id of a series. */
  subject: string;
  hint: string;
  /** The moment that is most likely meant. */
  suggested?: number | undefined;
}) {
  const end = useLiveEnd();
  const at = Number(search.get('why'));
  const chosen = at > 0;
  const set = (moment: number | null): void =>
    search.set({ why: moment === null || Number.isNaN(moment) ? null : Math.round(moment) }, { push: true });
  return (
    <Panel
      title="Why, or why not?"
      aside={
        chosen && (
          <Button size="compact-xs" variant="default" onClick={() => set(null)}>
            Close
          </Button>
        )
      }
    >
      <div className={styles.moment}>
        <TextInput
          size="xs"
          type="datetime-local"
          step={1}
          label="Explain the moment"
          value={chosen ? localInput(at, true) : ''}
          max={localInput(end)}
          onChange={(event) => set(event.currentTarget.value === '' ? null : Date.parse(event.currentTarget.value))}
        />
        {suggested !== undefined && Math.round(suggested) !== at && (
          <Button size="xs" variant="default" onClick={() => set(suggested)}>
            The strangest step
          </Button>
        )}
        <Button size="xs" variant="default" onClick={() => set(end)}>
          Now
        </Button>
        {!chosen && <p className="muted">{hint}</p>}
      </div>
      {chosen && subject !== '' && <ExplainPanel key={`${subject}${at}`} subject={subject} at={at} />}
    </Panel>
  );
}
