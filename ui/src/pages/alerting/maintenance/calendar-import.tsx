import { Button, FileButton, NativeSelect, Textarea } from '@mantine/core';
import { useState } from 'react';
import type { Matcher } from '../../../../../src/domain/alerting/matcher.ts';
import { useImportCalendar } from '../../../api/alerting.ts';
import type { WireMaintenance } from '../../../api/types.ts';
import { Editor, EditorFoot } from '../../../shared/dialog.tsx';
import { plural } from '../../../shared/format.ts';
import { Time } from '../../../shared/time.tsx';
import { useWho, WhoField } from '../../../shared/who.tsx';
import styles from '../alerting.module.css';
import { complete, MatcherBuilder } from '../matcher-builder.tsx';
import { MatcherChips } from '../matcher-chips.tsx';
import { recurrenceWords } from './rule.ts';
import { zoneOfReader, zones } from './zones.ts';

const SHOWN = 20;

interface ImportProps {
  readonly opened: boolean;
  readonly close: () => void;
  readonly imported: (count: number) => void;
}

/** A calendar file as windows: first what it says, then, when that is right, in force. */
export function CalendarImport(props: ImportProps) {
  return (
    <Editor opened={props.opened} close={props.close} title="Import a calendar">
      <Form {...props} />
    </Editor>
  );
}

function Form({ close, imported }: ImportProps) {
  const [calendar, setCalendar] = useState('');
  const [file, setFile] = useState('');
  const [matchers, setMatchers] = useState<readonly Matcher[]>([]);
  const [zone, setZone] = useState(zoneOfReader());
  const { createdBy } = useWho();
  const read = useImportCalendar();
  const store = useImportCalendar();
  const draft = { calendar, matchers: complete(matchers), zone, ...createdBy };
  const found = read.data?.items;
  const forget = () => read.reset();
  return (
    <>
      <div className={styles.field}>
        <span className={styles.buttons}>
          <FileButton
            accept=".ics,text/calendar"
            inputProps={{ 'aria-label': 'Calendar file' }}
            onChange={(chosen) => {
              if (chosen === null) return;
              setFile(chosen.name);
              forget();
              void chosen.text().then(setCalendar);
            }}
          >
            {(props) => (
              <Button {...props} size="xs" variant="default" data-autofocus>
                Choose an .ics file
              </Button>
            )}
          </FileButton>
          {file !== '' && <span className="muted">{file}</span>}
        </span>
        <Textarea
          size="xs"
          label="or paste it"
          placeholder="BEGIN:VCALENDAR"
          value={calendar.length > 20_000 ? `${calendar.slice(0, 20_000)}…` : calendar}
          readOnly={calendar.length > 20_000}
          autosize
          minRows={3}
          maxRows={8}
          classNames={{ input: 'mono' }}
          onChange={(event) => {
            setCalendar(event.currentTarget.value);
            forget();
          }}
        />
      </div>
      <MatcherBuilder
        value={matchers}
        onChange={(value) => {
          setMatchers(value);
          forget();
        }}
        empty="No matcher: its events cover everything, but for those that name their own (X-TOCSIN-MATCHERS)."
      />
      <NativeSelect
        size="xs"
        label="Time zone of times that name none"
        data={zones(zone)}
        value={zone}
        onChange={(event) => {
          setZone(event.currentTarget.value);
          forget();
        }}
      />
      <WhoField />
      {found !== undefined && <Result windows={found} />}
      <EditorFoot error={read.error ?? store.error}>
        <Button size="sm" variant="default" onClick={close}>
          Cancel
        </Button>
        {found === undefined ? (
          <Button
            size="sm"
            disabled={calendar.trim() === ''}
            loading={read.isPending}
            onClick={() => read.mutate({ ...draft, dryRun: true })}
          >
            Read it
          </Button>
        ) : (
          <Button
            size="sm"
            loading={store.isPending}
            onClick={() =>
              store.mutate({ ...draft, dryRun: false }, { onSuccess: ({ items }) => imported(items.length) })
            }
          >
            Import {plural(found.length, 'window')}
          </Button>
        )}
      </EditorFoot>
    </>
  );
}

function Result({ windows }: { windows: readonly WireMaintenance[] }) {
  const soon = windows.filter(({ next }) => next.length > 0);
  return (
    <section className={styles.preview} aria-label="What the calendar says">
      <p role="status">
        <b>{plural(windows.length, 'window')}</b> found, {soon.length} with a date in the next 30 days.
      </p>
      <ul className={styles.covered}>
        {windows.slice(0, SHOWN).map((window) => (
          <li key={window.id}>
            <span aria-hidden="true">{window.next.length > 0 ? '●' : '○'}</span>
            <span>
              <b>{window.name}</b> <MatcherChips matchers={window.matchers} none="everything" />
            </span>
            <span className="muted">
              {window.recurrences.map(recurrenceWords).slice(0, 2).join('; ')}
              {window.next[0] !== undefined && (
                <>
                  {' · next '}
                  <Time at={window.next[0].startsAt} />
                </>
              )}
            </span>
          </li>
        ))}
      </ul>
      {windows.length > SHOWN && <p className="muted">and {windows.length - SHOWN} more</p>}
    </section>
  );
}
